/** The production server: static files, Django's paths, then React Router. */

import { randomUUID } from "node:crypto";
import http from "node:http";

import { createRequestListener } from "@react-router/node";

import { createFiles } from "./files.js";
import { createForwarder, isForwarded } from "./forward.js";

/** A client that has not sent its headers by then is not a browser. */
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than the keep-alive of common load balancers (60 s), so that they close first. */
const KEEP_ALIVE_MS = 65_000;

/** @param {string | undefined} url */
const pathOf = (url) => (url ?? "/").split("?", 1)[0] ?? "/";

/**
 * Write one line for each answer. Query strings stay out: a document's query holds a session token.
 *
 * @param {http.IncomingMessage} request
 * @param {http.ServerResponse} response
 * @param {(line: string) => void} write
 */
function logWhenDone(request, response, write) {
  const startedAt = performance.now();
  const id = String(request.headers["x-request-id"] ?? randomUUID());
  request.headers["x-request-id"] = id;
  response.on("close", () => {
    write(
      JSON.stringify({
        at: new Date().toISOString(),
        event: "http.answered",
        method: request.method,
        path: pathOf(request.url),
        status: response.writableFinished ? response.statusCode : 499,
        ms: Math.round(performance.now() - startedAt),
        request_id: id,
      }),
    );
  });
}

/**
 * Return the server, not yet listening.
 *
 * @param {object} parts
 * @param {import("react-router").ServerBuild} parts.build
 * @param {string} parts.clientFolder
 * @param {string} parts.backendUrl
 * @param {string} [parts.mode]
 * @param {(line: string) => void} [parts.write] where log lines go
 */
export function createAppServer({ build, clientFolder, backendUrl, mode = "production", write = console.log }) {
  const forward = createForwarder(backendUrl);
  const serveFile = createFiles(clientFolder);
  const render = createRequestListener({ build, mode });
  const server = http.createServer((request, response) => {
    const path = pathOf(request.url);
    if (path === "/healthz") {
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      response.end('{"status":"ok"}');
      return;
    }
    if (!path.startsWith("/assets/")) logWhenDone(request, response, write);
    if (isForwarded(path)) {
      forward(request, response);
      return;
    }
    if (!serveFile(request, response, path)) void render(request, response);
  });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
}
