import { isRouteErrorResponse } from "react-router";

import type { Problem } from "../api/client.server";

interface Lost {
  ok: false;
  problem: Problem;
}

const LOST: Lost = {
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

/** Run a server loader or action from the browser; a lost connection becomes a problem to show, not the end of the page. */
export async function orProblem<T extends { ok: boolean }>(ask: () => Promise<T>): Promise<T | Lost> {
  try {
    return await ask();
  } catch (error) {
    if (isAnswer(error)) throw error;
    // A new object each time: polling counts failures by them.
    return { ...LOST };
  }
}
