import { useState } from "react";

import type { Answer, Problem } from "../api/client.server";

/** The latest data that arrived and, if the newest request failed, what went wrong. */
export interface LastGood<T> {
  data: T | undefined;
  problem: Problem | undefined;
}

/** Keep showing the last good data while newer requests fail, so that one lost poll doesn't empty the page. */
export function useLastGood<T>(answer: Answer<T>): LastGood<T> {
  const [last, setLast] = useState(answer.ok ? answer.data : undefined);
  if (answer.ok && answer.data !== last) setLast(answer.data);
  if (answer.ok) return { data: answer.data, problem: undefined };
  return { data: last, problem: answer.problem };
}
