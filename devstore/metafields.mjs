/**
 * Metafields: names, value rules, reading and writing.
 */
import { createHash } from 'node:crypto';
import { gid, parseGid } from './store.mjs';

/** Most metafields that one write may hold. */
export const WRITE_LIMIT = 25;

const WRITE_BYTES = 10 * 1024 * 1024;
const VALUE_BYTES = 64 * 1024;
const JSON_BYTES = 128 * 1024;
const LIST_LENGTH = 128;
const KEY_PATTERN = /^[A-Za-z0-9_-]{2,64}$/;
const NAMESPACE_PATTERN = /^[A-Za-z0-9_-]{3,255}$/;

/** Owner kinds that may be written, with the scope each needs. */
const OWNER_SCOPES = { Product: 'write_products', AppInstallation: null, Shop: null };

/** Value rules by type: a function that returns what is wrong, or null. */
const RULES = {
  single_line_text_field: (value) => (/[\r\n]/.test(value) ? 'must not contain line breaks' : null),
  multi_line_text_field: () => null,
  boolean: (value) => (['true', 'false'].includes(value) ? null : 'must be true or false'),
  number_integer: (value) => (/^-?\d{1,16}$/.test(value) ? null : 'must be an integer'),
  number_decimal: (value) => (/^-?\d+(\.\d{1,9})?$/.test(value) ? null : 'must be a decimal'),
  date_time: (value) => (Number.isNaN(Date.parse(value)) ? 'must be a date and time' : null),
  url: (value) => (URL.canParse(value) ? null : 'must be a URL'),
  json: (value) => (parseJson(value) === undefined ? 'must be JSON' : null),
  product_reference: (value, shop) => referenceFault(value, shop),
};

export class Metafields {
  /**
   * @param {object} parts
   * @param {import('./store.mjs').Store} parts.store
   * @param {import('./config.mjs').Config} parts.config
   * @param {import('./app-config.mjs').AppConfig} parts.about
   */
  constructor({ store, config, about }) {
    Object.assign(this, { store, config, about });
  }

  /** Return the stored namespace: `$app` and `$app:x` belong to the app alone. */
  resolve(namespace) {
    const text = namespace ?? '$app';
    if (text === '$app') return `app--${this.config.appId}`;
    return text.startsWith('$app:') ? `app--${this.config.appId}--${text.slice('$app:'.length)}` : text;
  }

  /** Return a metafield, or null. */
  read(shop, ownerId, namespace, key) {
    return shop.findMetafield(ownerId, this.resolve(namespace), key);
  }

  /** Return the gid that owns the app-data metafields of the app in `shop`, or null when it is not installed. */
  installationGid(shop) {
    const install = shop.findInstall(this.config.clientId);
    return install && gid('AppInstallation', install.installationId);
  }

  /** Return the digest that a compare-and-set names. */
  digest(metafield) {
    return createHash('sha256').update(metafield.value).digest('hex');
  }

  /**
   * Write all the metafields, or none.
   *
   * @param {import('./store.mjs').ShopData} shop
   * @param {object[]} inputs of the type MetafieldsSetInput
   * @param {{scopes: string[], now: number}} access
   * @returns {{metafields: object[], errors: {field: string[], message: string, code: string, elementIndex: number | null}[]}}
   */
  write(shop, inputs, { scopes, now }) {
    const refused = limitFault(inputs);
    if (refused) return { metafields: [], errors: [refused] };
    const checked = inputs.map((input, index) => this.#check(shop, input, index, scopes));
    const errors = checked.flatMap(({ error }) => error ?? []);
    if (errors.length > 0) return { metafields: [], errors };
    const metafields = checked.map(({ input, type }) => this.#build(shop, input, type, now));
    this.store.change({ type: 'metafields.put', shop: shop.domain, data: metafields });
    return { metafields, errors: [] };
  }

  /**
   * Delete the named metafields; one that is not there gives null in its place.
   *
   * @returns {{deleted: (object | null)[], errors: object[]}}
   */
  delete(shop, identifiers, { scopes }) {
    const errors = identifiers.flatMap(({ ownerId }, index) => this.#ownerFault(shop, ownerId, scopes, index) ?? []);
    if (errors.length > 0) return { deleted: [], errors };
    const deleted = identifiers.map((each) => this.read(shop, each.ownerId, each.namespace, each.key) && {
      ...each, namespace: this.resolve(each.namespace),
    });
    this.store.change({ type: 'metafields.delete', shop: shop.domain, data: deleted.filter(Boolean) });
    return { deleted, errors: [] };
  }

  #build(shop, input, type, now) {
    const namespace = this.resolve(input.namespace);
    const former = shop.findMetafield(input.ownerId, namespace, input.key);
    return {
      id: former?.id ?? shop.nextId('metafields'),
      ownerId: input.ownerId,
      namespace,
      key: input.key,
      type,
      value: input.value,
      createdAt: former?.createdAt ?? now,
      updatedAt: now,
    };
  }

  #check(shop, input, index, scopes) {
    const fault = (field, message, code) => ({ error: { field: ['metafields', String(index), field], message, code, elementIndex: index } });
    const owner = this.#ownerFault(shop, input.ownerId, scopes, index);
    if (owner) return { error: owner };
    const namespace = this.resolve(input.namespace);
    if (!NAMESPACE_PATTERN.test(namespace)) return fault('namespace', 'Namespace is invalid', 'INVALID');
    if (!KEY_PATTERN.test(input.key)) return fault('key', 'Key is invalid', 'INVALID');
    const former = shop.findMetafield(input.ownerId, namespace, input.key);
    const type = this.#typeOf(input, former);
    if (!type) return fault('type', "Type can't be blank", 'BLANK');
    if (input.type && type !== input.type) return fault('type', `Type '${input.type}' must be consistent with the definition's type: '${type}'.`, 'INVALID_TYPE');
    if (!isKnownType(type)) return fault('type', `Type '${type}' is not one that the devstore holds.`, 'INVALID_TYPE');
    const stale = staleFault(input, former && this.digest(former));
    if (stale) return fault('compareDigest', stale, 'STALE_OBJECT');
    const wrong = valueFault(type, input.value, shop);
    return wrong ? fault('value', `Value ${wrong}.`, 'INVALID_VALUE') : { input, type };
  }

  #typeOf(input, former) {
    const ownerKind = parseGid(input.ownerId).kind;
    const isOwn = (input.namespace ?? '$app') === '$app';
    const definition = this.about.definitions.find((each) => isOwn && each.ownerKind === ownerKind && each.key === input.key);
    return definition?.type ?? input.type ?? former?.type;
  }

  #ownerFault(shop, ownerId, scopes, index) {
    const fault = (message, code) => ({ field: ['metafields', String(index), 'ownerId'], message, code, elementIndex: index });
    const owner = parseGid(ownerId);
    if (!owner || !(owner.kind in OWNER_SCOPES)) return fault('Owner is not one that the devstore holds metafields for.', 'INVALID');
    if (owner.kind === 'AppInstallation' && ownerId !== this.installationGid(shop)) return fault('Owner does not exist.', 'INVALID');
    if (owner.kind === 'Shop' && owner.id !== shop.id) return fault('Owner does not exist.', 'INVALID');
    if (owner.kind === 'Product' && !shop.findProduct(owner.id)) return fault('Owner does not exist.', 'INVALID');
    const scope = OWNER_SCOPES[owner.kind];
    if (scope && !scopes.includes(scope)) return fault(`Access to this namespace and key on Metafields for this resource type is not allowed without ${scope}.`, 'APP_NOT_AUTHORIZED');
    return null;
  }
}

/** Return the gids that a reference metafield holds, in order; none when it holds no references. */
export function referencesOf(metafield) {
  if (metafield.type === 'product_reference') return [metafield.value];
  return metafield.type === 'list.product_reference' ? JSON.parse(metafield.value) : [];
}

function limitFault(inputs) {
  const fault = (message) => ({ field: ['metafields'], message, code: 'LESS_THAN_OR_EQUAL_TO', elementIndex: null });
  if (inputs.length > WRITE_LIMIT) return fault(`Exceeded the maximum metafields input limit of ${WRITE_LIMIT}.`);
  const bytes = inputs.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
  return bytes > WRITE_BYTES ? fault('The metafields are larger than 10 MB in all.') : null;
}

/** `compareDigest: null` asks that there be none yet; leaving it out asks for nothing. */
function staleFault(input, digest) {
  if (input.compareDigest === undefined) return null;
  return input.compareDigest === (digest ?? null) ? null : 'The resource has been updated since it was loaded. Try again with an updated `compareDigest` value.';
}

function isKnownType(type) {
  return Object.hasOwn(RULES, type.replace(/^list\./, ''));
}

function valueFault(type, value, shop) {
  if (value === '') return "can't be blank";
  if (Buffer.byteLength(value) > (type === 'json' ? JSON_BYTES : VALUE_BYTES)) return 'is too long';
  if (!type.startsWith('list.')) return RULES[type](value, shop);
  const list = parseJson(value);
  if (!Array.isArray(list)) return 'must be a JSON array';
  if (list.length > LIST_LENGTH) return `must hold at most ${LIST_LENGTH} entries`;
  const rule = RULES[type.slice('list.'.length)];
  return list.map((each) => rule(String(each), shop)).find(Boolean) ?? null;
}

function referenceFault(value, shop) {
  const reference = parseGid(value);
  if (reference?.kind !== 'Product') return 'must be a product reference';
  return shop.findProduct(reference.id) ? null : `references product ${reference.id}, which does not exist`;
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
