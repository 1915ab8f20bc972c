/**
 * Metafields: read on their owners, written by metafieldsSet and metafieldsDelete.
 */
import { referencesOf } from '../../metafields.mjs';
import { gid, parseGid } from '../../store.mjs';
import { connection } from '../connection.mjs';
import { as, dateTime, plain } from '../values.mjs';

const OWNER_TYPES = { Product: 'PRODUCT', AppInstallation: 'API_PERMISSION', Shop: 'SHOP', Collection: 'COLLECTION', Order: 'ORDER', Customer: 'CUSTOMER' };

/** The fields of HasMetafields; the owner's gid comes from its `id` field. */
export const METAFIELD_OWNER_FIELDS = {
  metafield: (owner, { namespace, key }, context, { ownerId }) => context.metafields.read(context.shop, ownerId(owner), namespace, key),
  metafields: (owner, args, context, { ownerId }) => {
    const namespace = args.namespace == null ? null : context.metafields.resolve(args.namespace);
    const wanted = context.shop.metafieldsOf(ownerId(owner))
      .filter((each) => namespace === null || each.namespace === namespace)
      .filter((each) => !args.keys || args.keys.some((key) => isKey(each, key, context)));
    return connection(wanted, args, context, { key: (each) => each.id });
  },
};

function isKey(metafield, text, context) {
  const dot = text.lastIndexOf('.');
  if (dot < 0) return metafield.key === text;
  return metafield.namespace === context.metafields.resolve(text.slice(0, dot)) && metafield.key === text.slice(dot + 1);
}

function references(metafield, shop) {
  return referencesOf(metafield).map((id) => as('Product', shop.findProduct(parseGid(id).id))).filter(Boolean);
}

function setMetafields(_, { metafields: inputs }, context) {
  const { shop, install, metafields, clock } = context;
  const result = metafields.write(shop, inputs, { scopes: install.scopes, now: clock.now() });
  echo(result.metafields, context);
  return { metafields: result.metafields, userErrors: result.errors };
}

/** A metafield write on a product is itself a products/update: apps must not loop on it. */
function echo(changed, { shop, catalog }) {
  const products = new Set(changed.map(({ ownerId }) => parseGid(ownerId)).filter(({ kind }) => kind === 'Product').map(({ id }) => id));
  for (const id of products) catalog.touch(shop, id);
}

function deleteMetafields(_, { metafields: identifiers }, context) {
  const { deleted, errors } = context.metafields.delete(context.shop, identifiers, { scopes: context.install.scopes });
  echo(deleted.filter(Boolean), context);
  return { deletedMetafields: deleted, userErrors: errors };
}

export const metafieldResolvers = {
  Mutation: { metafieldsSet: setMetafields, metafieldsDelete: deleteMetafields },
  Metafield: {
    ...plain('namespace', 'key', 'type', 'value'),
    id: (each) => gid('Metafield', each.id),
    legacyResourceId: (each) => String(each.id),
    description: () => null,
    createdAt: (each) => dateTime(each.createdAt),
    updatedAt: (each) => dateTime(each.updatedAt),
    compareDigest: (each, _, { metafields }) => metafields.digest(each),
    jsonValue: (each) => (/^(json|boolean|number_integer|list\..*)$/.test(each.type) ? JSON.parse(each.value) : each.value),
    sizeInBytes: (each) => Buffer.byteLength(each.value),
    ownerType: (each) => OWNER_TYPES[parseGid(each.ownerId).kind],
    reference: (each, _, { shop }) => (each.type === 'product_reference' ? references(each, shop)[0] ?? null : null),
    references: (each, args, context) => (each.type.startsWith('list.product_reference') ? connection(references(each, context.shop), args, context) : null),
  },
  MetafieldsSetPayload: plain('metafields', 'userErrors'),
  MetafieldsSetUserError: plain('field', 'message', 'code', 'elementIndex'),
  MetafieldsDeletePayload: plain('deletedMetafields', 'userErrors'),
  MetafieldIdentifier: plain('ownerId', 'namespace', 'key'),
  UserError: plain('field', 'message'),
};
