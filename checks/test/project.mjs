/** A small copy of the project in a folder of its own, for a test to break. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const PRODUCTS = `query BulkProducts { products { edges { node { __typename id title
  variants { edges { node { __typename id price } } } } } } }`;
const ORDERS = `query BulkOrders { orders { edges { node { __typename id createdAt customer { id }
  lineItems { edges { node { __typename id quantity product { id } } } } } } } }`;
const METAFIELDS = `mutation MetafieldsSet($metafields: [MetafieldsSetInput!]!) {
  metafieldsSet(metafields: $metafields) { metafields { id } userErrors { field message } } }`;

const THEMES = `mutation SubscribeThemesPublish($uri: String!) {
  webhookSubscriptionCreate(topic: THEMES_PUBLISH, webhookSubscription: { uri: $uri }) { webhookSubscription { id } userErrors { field message } } }`;

const TOPICS = ['app/uninstalled', 'app/scopes_update', 'products/create', 'products/update', 'products/delete',
  'collections/create', 'collections/update', 'collections/delete', 'orders/create', 'orders/updated',
  'orders/cancelled', 'orders/delete', 'refunds/create', 'bulk_operations/finish', 'customers/data_request',
  'customers/redact', 'shop/redact', 'themes/publish'];
const nameOf = (topic) => topic.toUpperCase().replace('/', '_');
const NAMES = `class Topic(StrEnum):\n${TOPICS.map((topic) => `    ${nameOf(topic)} = "${topic}"`).join('\n')}\n`;
const HANDLERS = `HANDLERS: Final = {\n${TOPICS.map((topic) => `    Topic.${nameOf(topic)}: handle,`).join('\n')}\n}\n`;

const VALUES = `API_VERSION: Final = "2026-07"
REQUIRED_SCOPES: Final = (
    "read_products",
    "write_products",
    "read_orders",
    "read_customers",
    "write_app_proxy",
    "write_pixels",
    "read_customer_events",
)
`;

const ACTIVATION = `def _wanted(shop: ShopInfo) -> dict[str, str]:
    return {"accountID": str(shop.uuid), "endpoint": settings.APP_URL}
`;

const OURS = {
  'backend/shops/services/pixel.py': ACTIVATION,
  'backend/shopify/operations/bulk_products.graphql': PRODUCTS,
  'backend/shopify/operations/bulk_orders.graphql': ORDERS,
  'backend/shopify/operations/metafields_set.graphql': METAFIELDS,
  'backend/shopify/operations/subscribe_themes_publish.graphql': THEMES,
  'backend/shopify/values.py': VALUES,
  'backend/webhooks/values.py': NAMES,
  'celery_worker/tasks/webhooks.py': HANDLERS,
  'shopify-app/shopify.web.toml': 'name = "UI"\nroles = ["frontend"]\n\n[commands]\ndev = "true"\n',
};

class Project {
  constructor(root) {
    this.root = root;
  }

  async write(path, text) {
    await mkdir(dirname(join(this.root, path)), { recursive: true });
    await writeFile(join(this.root, path), text);
  }

  /** Replaces `from`, which must be there, in a file. */
  async change(path, from, to) {
    const text = await readFile(join(this.root, path), 'utf8');
    if (!text.includes(from)) throw new Error(`${path} does not hold ${from}.`);
    await this.write(path, text.replace(from, to));
  }

  remove(path) {
    return rm(join(this.root, path));
  }
}

/** Makes the project, which every check passes, and takes it away when the test `t` ends. */
export async function makeProject(t) {
  const root = await mkdtemp(join(tmpdir(), 'tailorbird-checks-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const project = new Project(root);
  await cp(join(ROOT, 'extensions'), join(root, 'extensions'), { recursive: true });
  await cp(join(ROOT, 'shopify.app.toml'), join(root, 'shopify.app.toml'));
  await mkdir(join(root, 'devstore'));
  await symlink(join(ROOT, 'devstore/.schema'), join(root, 'devstore/.schema'));
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  for (const [path, text] of Object.entries(OURS)) await project.write(path, text);
  return project;
}
