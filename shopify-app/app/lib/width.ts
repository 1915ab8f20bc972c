import { useEffect, useState } from "react";

/** Drawn at this width on the server, and at the real one once the browser has measured it. */
const SERVER_WIDTH = 640;

/** The width of a box that is drawn into, in pixels. */
export function useWidth() {
  // Kept as state and not as a ref: there may be no box yet to measure.
  const [element, box] = useState<HTMLDivElement | null>(null);
  const [width, setWidth] = useState(SERVER_WIDTH);
  useEffect(() => {
    if (!element || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry && entry.contentRect.width > 0) setWidth(Math.round(entry.contentRect.width));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return { box, width };
}
