/** Hands Django's paths on to Django, as an edge server would, so that one address can serve the whole app. */

import http from "node:http";
import https from "node:https";
import { pipeline } from "node:stream";

/** Django's share of the paths; everything else is the UI's. */
export const FORWARDED_PREFIXES = ["/webhooks", "/proxy", "/events", "/auth", "/api", "/staff", "/static", "/health"];

/** A silent backend is given up after this long. Shopify's own limits (5 s, 10 s) are shorter. */
const SILENCE_MS = 30_000;

// RFC 9110, section 7.6.1: these belong to one connection and are not passed on.
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"];

/** @param {string} path a path without its query */
export function isForwarded(path) {
  return FORWARDED_PREFIXES.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
}

/** @param {http.IncomingHttpHeaders} headers */
function endToEnd(headers) {
  const named = String(headers.connection ?? "").toLowerCase().split(",").map((name) => name.trim());
  const dropped = new Set([...HOP_BY_HOP, ...named]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}

/** @param {http.IncomingMessage} request */
function onwardHeaders(request) {
  const headers = endToEnd(request.headers);
  const client = request.socket.remoteAddress ?? "";
  headers["x-forwarded-for"] = [request.headers["x-forwarded-for"], client].filter(Boolean).join(", ");
  headers["x-forwarded-proto"] ??= "http";
  headers["x-forwarded-host"] ??= request.headers.host;
  // A body of unknown length keeps its chunks; one of known length keeps content-length.
  if (request.headers["transfer-encoding"]) headers["transfer-encoding"] = "chunked";
  return headers;
}

/**
 * @param {http.ServerResponse} response
 * @param {number} status
 */
function refuse(response, status) {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const code = status === 504 ? "backend_slow" : "backend_unreachable";
  const message = status === 504 ? "Tailorbird's service took too long to answer." : "Tailorbird's service can't be reached just now.";
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", "retry-after": "5" });
  response.end(JSON.stringify({ error: { code, message, field: null } }));
}

/**
 * Return a handler that streams a request to the backend and its answer back, byte for byte.
 *
 * @param {string} backendUrl
 * @param {{silenceMs?: number}} [limits]
 * @returns {(request: http.IncomingMessage, response: http.ServerResponse) => void}
 */
export function createForwarder(backendUrl, { silenceMs = SILENCE_MS } = {}) {
  const target = new URL(backendUrl);
  const client = target.protocol === "https:" ? https : http;
  const agent = new client.Agent({ keepAlive: true, maxSockets: 64 });
  return (request, response) => {
    let isLate = false;
    const onward = client.request(
      {
        agent,
        hostname: target.hostname,
        port: target.port,
        method: request.method,
        path: target.pathname.replace(/\/$/, "") + (request.url ?? "/"),
        headers: onwardHeaders(request),
        setHost: false,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
        pipeline(answer, response, () => {});
      },
    );
    onward.setTimeout(silenceMs, () => {
      isLate = true;
      onward.destroy();
    });
    onward.on("error", () => refuse(response, isLate ? 504 : 502));
    // A client that hangs up should not leave Django working for nobody. A finished answer's
    // connection is left alone: it is back in the pool by now.
    response.on("close", () => {
      if (!response.writableFinished) onward.destroy();
    });
    pipeline(request, onward, () => {});
  };
}
