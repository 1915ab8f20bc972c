/** Speaking with the admin frame around the app: questions with answers, and events. */

/** Names of the query parameters that the admin adds to the app's address. */
export const EMBEDDING_PARAMETERS = ['embedded', 'hmac', 'host', 'id_token', 'locale', 'session', 'shop', 'timestamp'];
const STORED_CONFIG = 'app-bridge-config';
const ANSWER_TIMEOUT_MS = 10_000;

const script = globalThis.document?.currentScript;
/** The admin and this script come from one place, which is also the only one that is listened to. */
export const adminOrigin = script ? new URL(script.src).origin : '';
export const isEmbedded = globalThis.window ? window.parent !== window : false;

/** Read the app's settings: the address of the first page load, then what that load left for later ones. */
export function readAppConfig() {
  const query = new URLSearchParams(location.search);
  const stored = JSON.parse(sessionStorage.getItem(STORED_CONFIG) ?? '{}');
  const config = {
    apiKey: document.querySelector('meta[name="shopify-api-key"]')?.content ?? script?.dataset.apiKey ?? stored.apiKey ?? '',
    host: query.get('host') ?? stored.host ?? '',
    shop: query.get('shop') ?? stored.shop ?? '',
    locale: query.get('locale') ?? stored.locale ?? 'en-US',
  };
  sessionStorage.setItem(STORED_CONFIG, JSON.stringify(config));
  return config;
}

const waiting = new Map();
const listeners = new Map();
let lastId = 0;

/** Tell the admin something that needs no answer. */
export function tellAdmin(method, detail) {
  if (isEmbedded) window.parent.postMessage({ source: 'app-bridge', method, detail }, adminOrigin);
}

/** Ask the admin and give its answer. A question to a person (`patient`) waits as long as it takes. */
export function askAdmin(method, detail, { patient = false } = {}) {
  if (!isEmbedded) return Promise.reject(new Error(`App Bridge: ${method} works only inside the admin.`));
  return new Promise((resolve, reject) => {
    const id = ++lastId;
    const timer = patient ? null : setTimeout(() => settle(id, { error: `The admin did not answer ${method}.` }), ANSWER_TIMEOUT_MS);
    waiting.set(id, { resolve, reject, timer });
    window.parent.postMessage({ source: 'app-bridge', id, method, detail }, adminOrigin);
  });
}

/** Call `listener` with the detail of each event of this name. */
export function onAdmin(event, listener) {
  listeners.set(event, listener);
}

function settle(id, { result, error }) {
  const question = waiting.get(id);
  if (!question) return;
  waiting.delete(id);
  clearTimeout(question.timer);
  if (error) question.reject(new Error(error));
  else question.resolve(result);
}

export function listenToAdmin() {
  window.addEventListener('message', (event) => {
    if (event.source !== window.parent || event.origin !== adminOrigin || event.data?.source !== 'admin') return;
    if (event.data.id) settle(event.data.id, event.data);
    else listeners.get(event.data.event)?.(event.data.detail);
  });
}
