import { isRouteErrorResponse } from "react-router";

import type { Answer } from "../api/client.server";

const LOST: Answer<never> = {
  ok: false,
  problem: {
    code: "connection_lost",
    message: "The connection to Tailorbird was lost. We keep trying; what you see may be a little old.",
    isTemporary: true,
  },
};

/** A redirect or a page that doesn't exist is an answer; a dropped connection or a broken server is not. */
function isAnswer(error: unknown): boolean {
  if (error instanceof Response) return true;
  return isRouteErrorResponse(error) && error.status < 500 && error.status !== 401;
}

/** Run a server loader from the browser; a lost connection becomes a problem to show, not the end of the page. */
export async function loadOrProblem<T>(serverLoader: () => Promise<Answer<T>>): Promise<Answer<T>> {
  try {
    return await serverLoader();
  } catch (error) {
    if (isAnswer(error)) throw error;
    // A new object each time: polling counts failures by them.
    return { ...LOST };
  }
}
