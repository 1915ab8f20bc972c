/**
 * What a storefront form or script sends, as one nested object.
 */
import { HttpError } from '../server.mjs';

/** Names that would reach into JavaScript's own objects. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Read a request's fields: JSON, form, or multipart form.
 *
 * @param {{req: object, body: () => Promise<Buffer>, query: URLSearchParams}} request
 * @returns {Promise<Record<string, any>>} `properties[_x]=1` becomes `{properties: {_x: '1'}}`, `updates[]=1` a list
 */
export async function readFields({ req, body, query }) {
  if (req.method === 'GET' || req.method === 'HEAD') return nest(query);
  const type = req.headers['content-type'] ?? '';
  const bytes = await body();
  if (type.startsWith('application/json')) return parseObject(bytes);
  if (type.startsWith('multipart/form-data')) return nest(await multipartEntries(bytes, type));
  return nest(new URLSearchParams(bytes.toString('utf8')));
}

async function multipartEntries(bytes, type) {
  try {
    const form = await new Response(bytes, { headers: { 'Content-Type': type } }).formData();
    return [...form].filter(([, value]) => typeof value === 'string');
  } catch {
    throw new HttpError(400, 'The form cannot be read.');
  }
}

function parseObject(bytes) {
  try {
    const value = JSON.parse(bytes.toString('utf8') || '{}');
    if (value && typeof value === 'object') return value;
  } catch {
    // Answered below, like any other value that is no object.
  }
  throw new HttpError(400, 'The request body is not a JSON object.');
}

/**
 * Return `a[b]=1` pairs as nested objects and `a[]=1` as lists.
 *
 * @param {Iterable<[string, string]>} entries
 */
export function nest(entries) {
  const fields = {};
  for (const [name, value] of entries) {
    const path = [...name.matchAll(/([^[\]]+)|\[\]/g)].map(([, part]) => part ?? '');
    if (path.length > 0 && !path.some((part) => FORBIDDEN.has(part))) put(fields, path, value);
  }
  return fields;
}

function put(fields, [name, ...rest], value) {
  if (rest.length === 0) {
    fields[name] = value;
    return;
  }
  if (rest[0] === '') {
    fields[name] = [...(Array.isArray(fields[name]) ? fields[name] : []), value];
    return;
  }
  if (typeof fields[name] !== 'object' || Array.isArray(fields[name])) fields[name] = {};
  put(fields[name], rest, value);
}
