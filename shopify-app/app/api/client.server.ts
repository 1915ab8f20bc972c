import createClient from "openapi-fetch";

import { settings } from "../settings.server";
import type { Session } from "../session/token.server";
import type { paths } from "./schema";

/** The first call of a new shop exchanges tokens with Shopify, so this is longer than a page should ever take. */
const TIMEOUT_MS = 15_000;

/** What went wrong, in words for the merchant. */
export interface Problem {
  code: string;
  message: string;
  /** True when nothing is wrong with the request: trying again later should work. */
  isTemporary: boolean;
  /** The field of a form that it is about. */
  field?: string;
}

export type Answer<T> = { ok: true; data: T } | { ok: false; problem: Problem };

const UNREACHABLE: Problem = {
  code: "backend_unreachable",
  message: "Tailorbird's service can't be reached just now. Your storefront still shows the recommendations that were published last.",
  isTemporary: true,
};
const SLOW: Problem = {
  code: "backend_slow",
  message: "Tailorbird's service took too long to answer. Your storefront still shows the recommendations that were published last.",
  isTemporary: true,
};
const UNKNOWN: Problem = {
  code: "unexpected",
  message: "Something went wrong on our side. We have been told; please try again in a minute.",
  isTemporary: true,
};

/** Read Django's `{"error": {code, message, field}}`; anything else is not written for people and stays out of sight. */
export function problemOf(body: unknown, status: number): Problem {
  const error = (body as { error?: { code?: unknown; message?: unknown; field?: unknown } } | undefined)?.error;
  if (typeof error?.code !== "string" || typeof error.message !== "string") return UNKNOWN;
  if (status >= 500 && status !== 503) return { ...UNKNOWN, code: error.code };
  const about = typeof error.field === "string" ? { field: error.field } : {};
  return { code: error.code, message: error.message, isTemporary: status === 503 || status === 429, ...about };
}

/** Return a client that speaks for this session. */
export function apiFor(session: Session, { timeoutMs = TIMEOUT_MS } = {}) {
  return createClient<paths>({
    baseUrl: settings().backendUrl,
    headers: { Authorization: `Bearer ${session.token}` },
    fetch: (request: Request) => fetch(request, { signal: AbortSignal.timeout(timeoutMs), redirect: "error" }),
  });
}

interface RawAnswer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * Wait for a call of `apiFor` and sort its outcome.
 *
 * A refused token is marked on the session: the middleware then asks App Bridge for a fresh one.
 */
export async function ask<T>(session: Session, call: Promise<RawAnswer<T>>): Promise<Answer<T>> {
  try {
    const { data, error, response } = await call;
    if (response.status === 401) session.isRefused = true;
    if (!response.ok) return { ok: false, problem: problemOf(error, response.status) };
    return { ok: true, data: data as T };
  } catch (error) {
    const isLate = error instanceof DOMException && error.name === "TimeoutError";
    if (!isLate && !(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
    return { ok: false, problem: isLate ? SLOW : UNREACHABLE };
  }
}
