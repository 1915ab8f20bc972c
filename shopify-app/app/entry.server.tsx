import { renderToReadableStream } from "react-dom/server";
import { type EntryContext, type HandleErrorFunction, ServerRouter } from "react-router";

/**
 * Write an error as one line of JSON: its kind and its places in the code. Neither the query string, which holds a
 * session token, nor the error's words, which quote what it could not use.
 */
function logError(error: unknown, path: string): void {
  const kind = error instanceof Error ? error.name : typeof error;
  const stack = error instanceof Error ? error.stack?.split("\n").filter((line) => /^\s+at /.test(line)) : undefined;
  console.error(JSON.stringify({ at: new Date().toISOString(), event: "ui.error", path, kind, stack }));
}

export const handleError: HandleErrorFunction = (error, { request }) => {
  if (!request.signal.aborted) logError(error, new URL(request.url).pathname);
};

export default async function handleRequest(request: Request, status: number, headers: Headers, context: EntryContext) {
  let hasFailed = false;
  const stream = await renderToReadableStream(<ServerRouter context={context} url={request.url} />, {
    signal: request.signal,
    onError(error) {
      hasFailed = true;
      logError(error, new URL(request.url).pathname);
    },
  });
  await stream.allReady;
  headers.set("Content-Type", "text/html; charset=utf-8");
  return new Response(stream, { headers, status: hasFailed ? 500 : status });
}
