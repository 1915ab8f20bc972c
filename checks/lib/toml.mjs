/** shopify.app.toml against the code: each topic has a handler, each path and metafield is the one the code uses. */
import { join } from 'node:path';
import { EXTENSION, findSchemaText, listFiles, listTopics, PIXEL, readConfig, readText, readToml, splitScopes } from './files.mjs';
import { readOperations, subscribedTopics } from './operations.mjs';
import { API_VERSION, getSchema } from './schema.mjs';

export const title = 'shopify.app.toml against the code';

const COMPLIANCE = ['customers/data_request', 'customers/redact', 'shop/redact'];
const TASKS = 'celery_worker/tasks';
const TOPICS = 'backend/webhooks/values.py';
const VALUES = 'backend/shopify/values.py';
const ACTIVATION = 'backend/shops/services/pixel.py';

/** Returns {ORDERS_CREATE: "orders/create", …}, the names that the code has for topics. */
async function readNames(root) {
  const found = (await readText(root, TOPICS)).matchAll(/^ +([A-Z_]+) = "([a-z_]+\/[a-z_]+)"/gm);
  return Object.fromEntries([...found].map(([, name, topic]) => [name, topic]));
}

/** Returns the topics that some shops are subscribed to by an operation, because they need an optional scope. */
async function readSubscribed(root) {
  const [names, { operations }] = await Promise.all([readNames(root), readOperations(root)]);
  return subscribedTopics(operations).map((name) => names[name] ?? name);
}

/** Returns the topics that have a line of their own in the workers' table of handlers. */
async function readHandled(root) {
  const names = await readNames(root);
  const files = (await listFiles(root, TASKS)).filter(({ path }) => path.endsWith('.py'));
  const texts = await Promise.all(files.map(({ path }) => readText(root, join(TASKS, path))));
  const tables = texts.map((text) => text.match(/^HANDLERS\b[^=]*=[^{]*{([\s\S]*?)^}/m)?.[1] ?? '');
  const keys = tables.flatMap((table) => [...table.matchAll(/^\s*Topic\.([A-Z_]+):/gm)]);
  return new Set(keys.map(([, name]) => names[name] ?? name));
}

function* topicProblems(config, { schema }, handled, subscribed) {
  const { topics, compliance } = listTopics(config);
  const told = [...topics, ...compliance, ...subscribed];
  const known = schema.getType('WebhookSubscriptionTopic');
  for (const topic of topics) {
    if (!known.getValue(topic.toUpperCase().replace('/', '_'))) yield `Shopify ${API_VERSION} has no topic ${topic}.`;
  }
  for (const topic of told) {
    if (!handled.has(topic)) yield `the topic ${topic} has no handler in ${TASKS}/.`;
  }
  for (const topic of handled) {
    if (!told.includes(topic)) yield `the handler of ${topic} is never called: the topic is not declared.`;
  }
  const twice = [...topics, ...subscribed].filter((topic, index, all) => all.indexOf(topic) !== index);
  for (const topic of twice) yield `the topic ${topic} is declared twice.`;
}

function* complianceProblems(config) {
  const { compliance } = listTopics(config);
  for (const topic of COMPLIANCE) if (!compliance.includes(topic)) yield `the compliance topic ${topic} is missing.`;
  const subscriptions = config.webhooks?.subscriptions ?? [];
  const others = subscriptions.filter((subscription) => subscription.topics).map((subscription) => subscription.uri);
  for (const { uri } of subscriptions.filter((subscription) => subscription.compliance_topics)) {
    if (others.includes(uri)) yield `compliance topics share ${uri} with others; they need a path of their own.`;
  }
}

/** What shopify.app.toml says to Shopify, the code says to itself: the version and the scopes it counts on. */
async function* valueProblems(root, config) {
  const values = await readText(root, VALUES);
  const declared = config.webhooks?.api_version;
  const code = values.match(/^API_VERSION\b.*["'](\d{4}-\d{2})["']/m)?.[1];
  if (declared !== API_VERSION) yield `webhooks use API version ${declared}, the checks ${API_VERSION}.`;
  if (code !== declared) yield `webhooks use API version ${declared}, ${VALUES} ${code}.`;
  const required = values.match(/^REQUIRED_SCOPES\b[^(]*\(([^)]*)\)/m)?.[1].match(/\w+/g) ?? [];
  const scopes = splitScopes(config);
  for (const scope of scopes) if (!required.includes(scope)) yield `${scope} is declared, but not among REQUIRED_SCOPES.`;
  for (const scope of required) if (!scopes.includes(scope)) yield `${scope} is among REQUIRED_SCOPES, but not declared.`;
}

async function* blockProblems(root, config) {
  const { prefix, subpath } = config.app_proxy;
  const blocks = (await listFiles(root, EXTENSION)).filter(({ path }) => path.endsWith('.liquid'));
  for (const { path } of blocks) {
    const text = await readText(root, join(EXTENSION, path));
    for (const [, key] of text.matchAll(/metafields\[["']\$app["']\]\.(\w+)/g)) {
      const access = config.product?.metafields?.app?.[key]?.access;
      if (!access) yield `${path} reads the product metafield ${key}, which is not declared.`;
      else if (access.storefront !== 'public_read') yield `${path} reads the metafield ${key}, which storefronts may not.`;
    }
    const schema = await findSchemaText(root, join(EXTENSION, path));
    const proxy = JSON.parse(schema ?? '{}').settings?.find((setting) => setting.id === 'proxy_path')?.default;
    if (proxy && proxy !== `/${prefix}/${subpath}`) yield `${path} asks ${proxy}, the app proxy is /${prefix}/${subpath}.`;
  }
}

/** The pixel asks no more of a visitor than it says, and its settings are those that the backend gives it. */
async function* pixelProblems(root) {
  const { runtime_context: runtime, customer_privacy: privacy = {}, settings } = await readToml(root, PIXEL);
  if (runtime !== 'strict') yield `the pixel's runtime_context is ${runtime}; an app's pixel runs in the strict sandbox.`;
  const { analytics, ...others } = privacy;
  if (analytics !== true) yield 'the pixel must ask for consent to analytics.';
  for (const [purpose, value] of Object.entries(others)) {
    if (value !== false && value !== 'disabled') yield `the pixel asks for consent to ${purpose}, which it has no use for.`;
  }
  const given = (await readText(root, ACTIVATION)).match(/^def _wanted[\s\S]*?return {([^}]*)}/m)?.[1] ?? '';
  const keys = [...given.matchAll(/"(\w+)":/g)].map(([, key]) => key);
  const fields = Object.keys(settings?.fields ?? {});
  for (const key of fields) if (!keys.includes(key)) yield `the pixel has the setting ${key}, which ${ACTIVATION} does not give.`;
  for (const key of keys) if (!fields.includes(key)) yield `${ACTIVATION} gives the setting ${key}, which the pixel does not have.`;
}

function* basicProblems(config) {
  if (config.embedded !== true) yield 'embedded must be true.';
  if (config.access_scopes?.use_legacy_install_flow) yield 'the legacy install flow must stay off.';
}

export async function findProblems(root) {
  const [config, shopify, handled, subscribed] = await Promise.all([readConfig(root), getSchema(root), readHandled(root), readSubscribed(root)]);
  const problems = [...basicProblems(config), ...topicProblems(config, shopify, handled, subscribed), ...complianceProblems(config)];
  for await (const problem of valueProblems(root, config)) problems.push(problem);
  for await (const problem of blockProblems(root, config)) problems.push(problem);
  for await (const problem of pixelProblems(root)) problems.push(problem);
  return problems;
}
