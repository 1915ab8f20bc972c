import { useEffect, useRef } from "react";
import { useFetcher } from "react-router";

import type { ActionAnswer } from "../api/actions.server";
import type { Problem } from "../api/client.server";
import { showToast } from "./bridge";

type Done = Extract<ActionAnswer, { ok: true }>;

interface Button {
  run: (fields?: Record<string, string>) => void;
  isBusy: boolean;
  problem: Problem | undefined;
}

function announce({ toast }: Done): void {
  if (toast) showToast(toast);
}

type Intent = "train" | "import" | "release" | "settings" | "new-products" | "holdout" | "exploration" | "look" | "look-back" | "move-rollout" | "open-rollout" | "go-back" | "rollout-settings";

/** A button that posts one intent to its page: success is a toast, or what `onDone` makes of it; failure stays on the page. */
export function useIntent(intent: Intent, path: string, onDone: (answer: Done) => void = announce): Button {
  const fetcher = useFetcher<ActionAnswer>();
  const { data } = fetcher;
  const latest = useRef(onDone);
  useEffect(() => {
    latest.current = onDone;
  });
  useEffect(() => {
    if (data?.ok) latest.current(data);
  }, [data]);
  return {
    run: (fields = {}) => void fetcher.submit({ ...fields, intent }, { method: "post", action: path }),
    isBusy: fetcher.state !== "idle",
    problem: data && !data.ok && fetcher.state === "idle" ? data.problem : undefined,
  };
}
