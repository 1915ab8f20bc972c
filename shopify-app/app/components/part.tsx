import type { ReactNode } from "react";
import { useRevalidator } from "react-router";

import type { Answer } from "../api/client.server";
import { useLastGood } from "../lib/last-good";

interface PartProps<T> {
  answer: Answer<T>;
  /** Of the section that stands here while the data is missing. */
  heading: string;
  children: (data: T) => ReactNode;
}

/** A part of a page with data of its own: when that is missing, the rest of the page stands. */
export function Part<T>({ answer, heading, children }: PartProps<T>) {
  const { data, problem } = useLastGood(answer);
  const { revalidate, state } = useRevalidator();
  if (data !== undefined) return children(data);
  if (!problem) return null;
  return (
    <s-section heading={heading}>
      <div role="alert">
        <s-paragraph color="subdued">{problem.message}</s-paragraph>
      </div>
      <s-button loading={state !== "idle"} onClick={() => void revalidate()}>
        Try now
      </s-button>
    </s-section>
  );
}
