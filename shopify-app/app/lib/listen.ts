import type { RefCallback } from "react";

/**
 * Return a `ref` that listens for an event of an `s-*` element which React has no prop for.
 *
 * React takes the name as it is written: for `onDismiss` it listens for `Dismiss`, and the element says `dismiss`. Only clicks and
 * input reach an element through props; `elements.test.ts` holds every event that we use against what works.
 */
export function listen(type: string, listener: (event: Event) => void): RefCallback<HTMLElement> {
  return (element) => {
    element?.addEventListener(type, listener);
    return () => element?.removeEventListener(type, listener);
  };
}
