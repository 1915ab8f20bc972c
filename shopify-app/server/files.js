/**
 * Serves the client build from memory.
 *
 * A build is under a megabyte, so it is read once. A server that opens files as they are asked for ends
 * with an unhandled ENOENT when a new build removes one that it still lists (seen with sirv); this one
 * goes on serving the build that it was started with, whose names its pages hold.
 */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

const YEAR_S = 31_536_000;
const HOUR_S = 3_600;

/** @type {Record<string, string>} */
const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};
const COMPRESSIBLE = /^(text|application|image\/svg)/;

/**
 * @typedef {object} File
 * @property {Buffer} body
 * @property {Buffer | undefined} zipped undefined where it would save nothing
 * @property {Record<string, string>} headers
 */

/**
 * @param {string} url
 * @param {Buffer} body
 * @returns {File}
 */
function toFile(url, body) {
  const type = TYPES[path.extname(url)] ?? "application/octet-stream";
  const zipped = COMPRESSIBLE.test(type) ? gzipSync(body, { level: 9 }) : undefined;
  // Only names under /assets/ carry a hash of their content.
  const isHashed = url.startsWith("/assets/");
  return {
    body,
    zipped: zipped && zipped.length < body.length ? zipped : undefined,
    headers: {
      "content-type": type,
      "cache-control": isHashed ? `public, max-age=${YEAR_S}, immutable` : `public, max-age=${HOUR_S}`,
      etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
      vary: "accept-encoding",
      "x-content-type-options": "nosniff",
    },
  };
}

/** @param {string} folder */
function readAll(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      const url = `/${path.relative(folder, file).split(path.sep).join("/")}`;
      return [url, toFile(url, readFileSync(file))];
    }),
  );
}

/**
 * Return a handler that answers for a file of the folder, or tells that there is none.
 *
 * @param {string} folder
 * @returns {(request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse, url: string) => boolean}
 */
export function createFiles(folder) {
  const files = readAll(folder);
  return (request, response, url) => {
    const file = files.get(url);
    if (!file || (request.method !== "GET" && request.method !== "HEAD")) return false;
    if (request.headers["if-none-match"] === file.headers.etag) {
      response.writeHead(304, file.headers).end();
      return true;
    }
    const isZipped = !!file.zipped && /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
    const body = isZipped && file.zipped ? file.zipped : file.body;
    response.writeHead(200, { ...file.headers, ...(isZipped && { "content-encoding": "gzip" }), "content-length": body.length });
    response.end(request.method === "HEAD" ? undefined : body);
    return true;
  };
}
