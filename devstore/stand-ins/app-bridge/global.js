import { adminOrigin, askAdmin, isEmbedded, listenToAdmin, readAppConfig, tellAdmin } from './channel.js';
import { enterAdmin, idToken, patchFetch, reloadIfBounced } from './session.js';
import { defineElements, listenToToasts, modal, saveBar, syncNavigation, toast, watchForms } from './surfaces.js';

/** `window.shopify`, as an embedded app finds it. */

async function resourcePicker(options) {
  const selected = await askAdmin('resourcePicker', options, { patient: true });
  if (!selected) return undefined;
  return Object.defineProperty(selected, 'selection', { value: selected, enumerable: false });
}

function makeGlobal(config) {
  return {
    config,
    origin: adminOrigin,
    ready: Promise.resolve(),
    environment: { mobile: false, embedded: isEmbedded, pos: false, intent: false },
    idToken: () => idToken(),
    user: () => askAdmin('user'),
    loading: (isLoading = true) => tellAdmin('loading', { isLoading }),
    toast,
    saveBar,
    modal,
    resourcePicker,
    scopes: {
      query: () => askAdmin('scopesQuery'),
      request: (scopes) => askAdmin('scopesRequest', { scopes }, { patient: true }),
      revoke: (scopes) => askAdmin('scopesRevoke', { scopes }),
    },
    app: { extensions: () => askAdmin('extensions') },
  };
}

function start() {
  const config = readAppConfig();
  if (!config.apiKey) throw new Error('App Bridge: missing <meta name="shopify-api-key">.');
  window.shopify = makeGlobal(config);
  defineElements();
  if (!isEmbedded) {
    enterAdmin(config, new URL(adminOrigin).protocol);
    return;
  }
  listenToAdmin();
  listenToToasts();
  patchFetch();
  watchForms();
  syncNavigation();
  reloadIfBounced(config);
}

if (globalThis.window) start();
