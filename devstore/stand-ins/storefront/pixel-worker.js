/**
 * The strict sandbox of an app's pixel: a worker without page, window and document.
 *
 * What belongs to the browser is asked of the page and comes as a promise.
 */
const EXTENSION_POINT = 'WebPixel::Render';
const FAMILIES = { standard: 'all_standard_events', custom: 'all_custom_events' };

let extension = null;
let lastAsked = 0;
const asked = new Map();
const subscribers = new Map();

self.shopify = {
  extend(point, callback) {
    if (point === EXTENSION_POINT) extension = callback;
  },
};

function subscribe(name, callback) {
  const callbacks = subscribers.get(name) ?? new Set();
  subscribers.set(name, callbacks.add(callback));
  return () => callbacks.delete(callback);
}

function tell(name, event) {
  for (const callback of subscribers.get(name) ?? []) callback(event);
}

function ask(method, args) {
  lastAsked += 1;
  self.postMessage({ id: lastAsked, method, args });
  return new Promise((resolve, reject) => asked.set(lastAsked, { resolve, reject }));
}

const asking = (owner, methods) => Object.fromEntries(methods.map((name) => [name, (...args) => ask(`${owner}.${name}`, args)]));
const STORAGE = ['getItem', 'setItem', 'removeItem', 'clear', 'key', 'length'];

const browser = {
  cookie: asking('cookie', ['get', 'set']),
  localStorage: asking('localStorage', STORAGE),
  sessionStorage: asking('sessionStorage', STORAGE),
  sendBeacon: (...args) => ask('sendBeacon', args),
};

const hear = {
  start({ init, settings }) {
    // Privacy is no event that `analytics` tells of.
    const customerPrivacy = { subscribe: (name, callback) => subscribe(`privacy:${name}`, callback) };
    extension?.({ analytics: { subscribe }, browser, customerPrivacy, init, settings });
  },
  event({ event }) {
    for (const name of [event.name, FAMILIES[event.type], 'all_events']) tell(name, event);
  },
  privacy({ customerPrivacy }) {
    tell('privacy:visitorConsentCollected', { customerPrivacy });
  },
  answer({ id, value, error }) {
    const { resolve, reject } = asked.get(id);
    asked.delete(id);
    if (error) reject(new Error(error));
    else resolve(value);
  },
};

self.onmessage = ({ data: { kind, ...message } }) => hear[kind](message);
