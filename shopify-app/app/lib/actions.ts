import { useEffect } from "react";
import { useFetcher } from "react-router";

import type { ActionAnswer } from "../api/actions.server";
import type { Problem } from "../api/client.server";
import { showToast } from "./bridge";

interface Button {
  run: () => void;
  isBusy: boolean;
  problem: Problem | undefined;
}

/** A button that posts one intent to its page: success is a toast, failure stays on the page. */
export function useIntent(intent: "train" | "import", path: string): Button {
  const fetcher = useFetcher<ActionAnswer>();
  const { data } = fetcher;
  useEffect(() => {
    if (data?.ok && data.toast) showToast(data.toast);
  }, [data]);
  return {
    run: () => void fetcher.submit({ intent }, { method: "post", action: path }),
    isBusy: fetcher.state !== "idle",
    problem: data && !data.ok && fetcher.state === "idle" ? data.problem : undefined,
  };
}
