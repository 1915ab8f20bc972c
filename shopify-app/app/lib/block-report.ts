import { useEffect, useRef } from "react";
import { useFetcher } from "react-router";

import { type BlockStatus, findBlockStatus } from "./bridge";

/** Tell Django whether our block is placed: once on arrival, and again when the merchant comes back to this tab. */
export function useBlockReport(): void {
  const { submit } = useFetcher();
  const reported = useRef<BlockStatus | undefined>(undefined);
  useEffect(() => {
    const report = async () => {
      if (document.visibilityState === "hidden") return;
      // Shopify may refuse or not know; the checklist then waits for the first storefront request.
      const status = await findBlockStatus().catch(() => undefined);
      if (!status || status === reported.current) return;
      reported.current = status;
      await submit({ intent: "theme-block", status }, { method: "post", action: "/?index" });
    };
    void report();
    document.addEventListener("visibilitychange", report);
    window.addEventListener("focus", report);
    return () => {
      document.removeEventListener("visibilitychange", report);
      window.removeEventListener("focus", report);
    };
  }, [submit]);
}
