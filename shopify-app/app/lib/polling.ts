import { useEffect, useRef, useState } from "react";
import { useNavigation, useRevalidator } from "react-router";

/** While something runs, people watch: this often. */
const LIVE_MS = 2_000;
/** While nothing runs the pauses grow: someone may have placed the block or an order in another tab. */
const QUIET_MS = [5_000, 10_000, 20_000, 40_000];
const LONGEST_MS = 60_000;

export interface Pace {
  isLive: boolean;
  /** Polls in a row that failed. */
  failures: number;
  /** Polls in a row that found nothing running. */
  quiet: number;
}

/** Return how long to wait before asking again, in milliseconds. */
export function pauseMs({ isLive, failures, quiet }: Pace): number {
  if (failures > 0) return Math.min(LIVE_MS * 2 ** failures, LONGEST_MS);
  if (isLive) return LIVE_MS;
  return QUIET_MS[quiet] ?? LONGEST_MS;
}

function useIsVisible(): boolean {
  const [isVisible, setIsVisible] = useState(true);
  useEffect(() => {
    const update = () => setIsVisible(document.visibilityState !== "hidden");
    update();
    document.addEventListener("visibilitychange", update);
    return () => document.removeEventListener("visibilitychange", update);
  }, []);
  return isVisible;
}

/**
 * Load the route's data again and again: fast while something runs, ever slower otherwise, never in a hidden tab.
 *
 * @param answer the loader's latest data: a new object means that a poll came back
 */
export function useLivePolling(answer: { ok: boolean }, isLive: boolean): void {
  const { revalidate, state } = useRevalidator();
  const navigation = useNavigation();
  const isVisible = useIsVisible();
  const pace = useRef({ failures: 0, quiet: 0 });

  useEffect(() => {
    const { failures, quiet } = pace.current;
    pace.current = { failures: answer.ok ? 0 : failures + 1, quiet: isLive ? 0 : quiet + 1 };
  }, [answer, isLive]);

  useEffect(() => {
    // A tab that comes back should not wait out an old, long pause.
    if (isVisible) pace.current.quiet = 0;
  }, [isVisible]);

  const isIdle = state === "idle" && navigation.state === "idle";
  useEffect(() => {
    if (!isVisible || !isIdle) return;
    const timer = setTimeout(() => void revalidate(), pauseMs({ isLive, ...pace.current }));
    return () => clearTimeout(timer);
  }, [answer, isIdle, isLive, isVisible, revalidate]);
}
