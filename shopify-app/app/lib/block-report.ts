import { useEffect, useRef } from "react";
import { useFetcher } from "react-router";

import { type BlockStatuses, findBlockStatuses } from "./bridge";

/** Tell Django where our blocks are placed: once on arrival, and again when something changed while the merchant was elsewhere. */
export function useBlockReport(): void {
  const { submit } = useFetcher();
  const reported = useRef("");
  useEffect(() => {
    const report = async () => {
      if (document.visibilityState === "hidden") return;
      // Shopify may refuse or not know; the checklist then waits for the first storefront request.
      const statuses: BlockStatuses = await findBlockStatuses().catch(() => ({}));
      const told = JSON.stringify(statuses);
      if (told === "{}" || told === reported.current) return;
      reported.current = told;
      await submit({ intent: "theme-block", ...statuses }, { method: "post", action: "/?index" });
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
