import { askAdmin, onAdmin, tellAdmin } from './channel.js';
import { appPath } from './session.js';

/** What the app shows in the admin around it: navigation, title, toasts, the save bar; and its own modals. */

const toasts = new Map();
let lastToast = 0;

export const toast = {
  show(message, { duration = 5000, isError = false, action, onAction, onDismiss } = {}) {
    const id = `toast-${++lastToast}`;
    toasts.set(id, { onAction, onDismiss });
    tellAdmin('toast', { id, message: String(message), duration, isError, action });
    return id;
  },
  hide(id) {
    tellAdmin('toastHide', { id });
  },
};

export function listenToToasts() {
  onAdmin('toastAction', ({ id }) => toasts.get(id)?.onAction?.());
  onAdmin('toastDismiss', ({ id }) => {
    toasts.get(id)?.onDismiss?.();
    toasts.delete(id);
  });
}

function byId(id, tag) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`App Bridge: there is no ${tag} with the id ${id}.`);
  return element;
}

export const saveBar = {
  show: async (id) => byId(id, 'ui-save-bar').show(),
  hide: async (id) => byId(id, 'ui-save-bar').hide(),
  toggle: async (id) => byId(id, 'ui-save-bar').toggle(),
  /** Resolve at once without unsaved changes, else once the merchant agrees to leave them. */
  leaveConfirmation: () => askAdmin('leaveConfirmation', {}, { patient: true }),
};

export const modal = {
  show: async (id) => byId(id, 'ui-modal').show(),
  hide: async (id) => byId(id, 'ui-modal').hide(),
  toggle: async (id) => byId(id, 'ui-modal').toggle(),
};

function describeButton(button) {
  return {
    label: button.textContent.trim(),
    isPrimary: button.getAttribute('variant') === 'primary',
    isDisabled: button.disabled,
    isLoading: button.hasAttribute('loading') && button.getAttribute('loading') !== 'false',
  };
}

/** `<ui-save-bar>`: its buttons are shown by the admin, which sends the clicks back. */
class SaveBarElement extends HTMLElement {
  #isShowing = false;

  connectedCallback() {
    this.style.display = 'none';
    new MutationObserver(() => this.#isShowing && this.#tell()).observe(this, { attributes: true, childList: true, subtree: true, characterData: true });
  }
  disconnectedCallback() {
    this.hide();
  }
  get showing() {
    return this.#isShowing;
  }
  get discardConfirmation() {
    return this.hasAttribute('discardconfirmation');
  }
  set discardConfirmation(value) {
    this.toggleAttribute('discardconfirmation', Boolean(value));
  }
  async show() {
    this.#isShowing = true;
    openBar = this;
    this.#tell();
    this.dispatchEvent(new Event('show'));
  }
  async hide() {
    if (!this.#isShowing) return;
    this.#isShowing = false;
    openBar = null;
    tellAdmin('saveBarHide');
    this.dispatchEvent(new Event('hide'));
  }
  async toggle() {
    return this.#isShowing ? this.hide() : this.show();
  }
  #tell() {
    const buttons = [...this.querySelectorAll('button')].map(describeButton);
    tellAdmin('saveBar', { buttons, discardConfirmation: this.discardConfirmation });
  }
}

/** The save bar that shows now: an element, or a form marked `data-save-bar`. */
let openBar = null;

/** Show the save bar while a form marked `data-save-bar` holds changes. */
export function watchForms() {
  const formOf = (event) => event.target.closest?.('form[data-save-bar]');
  const close = (event) => {
    if (openBar !== formOf(event) || !openBar) return;
    openBar = null;
    tellAdmin('saveBarHide');
  };
  for (const type of ['input', 'change']) {
    document.addEventListener(type, (event) => {
      const form = formOf(event);
      if (!form) return;
      openBar = form;
      tellAdmin('saveBar', { buttons: [{ label: 'Save', isPrimary: true }, { label: 'Discard' }], discardConfirmation: form.hasAttribute('data-discard-confirmation') });
    });
  }
  document.addEventListener('submit', close, true);
  document.addEventListener('reset', close, true);
  onAdmin('saveBarClick', ({ index }) => pressBarButton(index));
}

function pressBarButton(index) {
  if (!openBar) return;
  if (openBar instanceof SaveBarElement) openBar.querySelectorAll('button')[index]?.click();
  else if (index === 0) openBar.requestSubmit();
  else openBar.reset();
}

const MODAL_STYLE = `dialog{margin:auto;padding:0;border:0;border-radius:16px;inline-size:min(620px,calc(100vw - 32px));max-block-size:calc(100vh - 64px);box-shadow:0 20px 60px #0005;font:13px/20px Inter,system-ui,sans-serif;color:#303030}
dialog.small{inline-size:min(380px,calc(100vw - 32px))}dialog.large{inline-size:min(980px,calc(100vw - 32px))}dialog.max{inline-size:100vw;block-size:100vh;max-inline-size:none;max-block-size:none;border-radius:0}
dialog::backdrop{background:#00000080}header{display:flex;align-items:center;padding:12px 16px;background:#f3f3f3}h2{flex:1;margin:0;font-size:14px}footer{display:flex;justify-content:flex-end;gap:8px;padding:12px 16px;border-top:1px solid #e3e3e3}
button{font:inherit;font-weight:600;padding:5px 12px;border-radius:8px;border:1px solid #ccc;background:#fff;cursor:pointer}button.primary{background:#303030;border-color:#303030;color:#fff}button.critical{background:#c70a24;border-color:#c70a24;color:#fff}iframe{display:block;border:0;inline-size:100%;block-size:60vh}`;

/** `<ui-modal>`: its content, or the page at `src`, in a dialog; `<ui-title-bar>` in it gives title and buttons. */
class ModalElement extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    this.attachShadow({ mode: 'open' }).innerHTML = `<style>${MODAL_STYLE}</style><dialog aria-labelledby="title"><header><h2 id="title"></h2><button type="button" aria-label="Close">✕</button></header><slot></slot><footer></footer></dialog>`;
    this.dialog.querySelector('header button').addEventListener('click', () => this.hide());
    this.dialog.addEventListener('close', () => this.dispatchEvent(new Event('hide')));
  }
  get dialog() {
    return this.shadowRoot.querySelector('dialog');
  }
  get variant() {
    return this.getAttribute('variant') ?? 'base';
  }
  set variant(value) {
    this.setAttribute('variant', value);
  }
  get src() {
    return this.getAttribute('src') ?? undefined;
  }
  set src(value) {
    this.setAttribute('src', value);
  }
  get contentWindow() {
    return this.shadowRoot.querySelector('iframe')?.contentWindow ?? null;
  }
  async show() {
    const bar = this.querySelector('ui-title-bar');
    this.dialog.className = this.variant;
    this.shadowRoot.querySelector('h2').textContent = bar?.getAttribute('title') ?? '';
    this.#showButtons([...(bar?.querySelectorAll('button') ?? [])]);
    if (this.src && !this.contentWindow) {
      const frame = Object.assign(document.createElement('iframe'), { src: this.src, title: bar?.getAttribute('title') ?? 'Window' });
      this.shadowRoot.querySelector('slot').replaceWith(frame);
    }
    if (!this.dialog.open) this.dialog.showModal();
    this.dispatchEvent(new Event('show'));
  }
  async hide() {
    this.dialog.close();
  }
  async toggle() {
    return this.dialog.open ? this.hide() : this.show();
  }
  #showButtons(sources) {
    const copies = sources.map((source) => {
      const copy = Object.assign(document.createElement('button'), { type: 'button', textContent: source.textContent, disabled: source.disabled });
      copy.className = [source.getAttribute('variant'), source.getAttribute('tone')].filter(Boolean).join(' ');
      copy.addEventListener('click', () => source.click());
      return copy;
    });
    const footer = this.shadowRoot.querySelector('footer');
    footer.hidden = copies.length === 0;
    footer.replaceChildren(...copies);
  }
}

/** `<ui-title-bar>` outside a modal: the admin shows the title and sends clicks on its buttons back. */
class TitleBarElement extends HTMLElement {
  connectedCallback() {
    this.style.display = 'none';
    if (this.closest('ui-modal')) return;
    new MutationObserver(() => this.tell()).observe(this, { attributes: true, childList: true, subtree: true, characterData: true });
    this.tell();
  }
  disconnectedCallback() {
    tellAdmin('titleBar', { title: '', buttons: [] });
  }
  buttons() {
    return [...this.querySelectorAll('button,a')];
  }
  tell() {
    tellAdmin('titleBar', { title: this.getAttribute('title') ?? '', buttons: this.buttons().map(describeButton) });
  }
}

/** `<ui-nav-menu>`: links that the admin mirrors; nothing of it shows in the app. */
class NavMenuElement extends HTMLElement {
  connectedCallback() {
    this.style.display = 'none';
  }
}

export function defineElements() {
  const elements = { 'ui-save-bar': SaveBarElement, 'ui-modal': ModalElement, 'ui-title-bar': TitleBarElement, 'ui-nav-menu': NavMenuElement };
  for (const [tag, constructor] of Object.entries(elements)) customElements.get(tag) ?? customElements.define(tag, constructor);
  onAdmin('titleBarClick', ({ index }) => document.querySelector('body ui-title-bar')?.buttons()[index]?.click());
}

const NAV_SELECTOR = 's-app-nav, ui-nav-menu';
const navLinks = () => [...document.querySelectorAll(NAV_SELECTOR)].flatMap((nav) => [...nav.querySelectorAll('[href]')]);

function tellNavigation() {
  const links = navLinks().map((link) => ({ href: link.getAttribute('href'), label: link.textContent.trim(), isHome: link.getAttribute('rel') === 'home' }));
  tellAdmin('nav', { links });
}

/** Follow a link of the app inside the app, as its router does when it hears `shopify:navigate`. */
function navigate(element) {
  element.dispatchEvent(new CustomEvent('shopify:navigate', { bubbles: true, composed: true }));
}

function followNavigation({ href }) {
  const link = navLinks().find((candidate) => candidate.getAttribute('href') === href);
  if (link?.localName === 'a') link.click();
  else if (link) navigate(link);
  else location.assign(href);
}

/** A Polaris link to a page of the app is the router's business; `shopify:admin/…` is the admin's. */
function interceptClick(event) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const element = event.composedPath().find((node) => node.localName?.startsWith('s-') && node.hasAttribute('href'));
  if (!element) return;
  const href = element.getAttribute('href');
  const target = element.getAttribute('target') ?? 'auto';
  const adminPath = /^shopify:(?:\/\/)?admin\/(.*)$/.exec(href)?.[1];
  if (adminPath !== undefined) {
    event.preventDefault();
    tellAdmin('openAdmin', { path: adminPath });
    return;
  }
  const isOwnPage = new URL(href, location.href).origin === location.origin && ['auto', '_self'].includes(target);
  if (!isOwnPage || element.hasAttribute('download')) return;
  event.preventDefault();
  navigate(element);
}

/** Return whether a change of the page is one inside the navigation, or its coming or going. */
function touchesNavigation({ target, addedNodes, removedNodes }) {
  const around = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
  const holdsNavigation = (node) => node.nodeType === Node.ELEMENT_NODE && (node.matches(NAV_SELECTOR) || node.querySelector(NAV_SELECTOR));
  return Boolean(around?.closest(NAV_SELECTOR)) || [...addedNodes, ...removedNodes].some(holdsNavigation);
}

/** Keep the admin's address, menu and title in step with the app. */
export function syncNavigation() {
  const tellPath = () => tellAdmin('path', { path: appPath(), title: document.title });
  for (const name of ['pushState', 'replaceState']) {
    const plain = history[name].bind(history);
    history[name] = (...parts) => {
      plain(...parts);
      tellPath();
    };
  }
  window.addEventListener('popstate', tellPath);
  // A router sets the title some time after the address.
  let title = document.title;
  new MutationObserver(() => {
    if (document.title === title) return;
    title = document.title;
    tellPath();
  }).observe(document.head, { childList: true, subtree: true, characterData: true });
  document.addEventListener('click', interceptClick);
  onAdmin('navigate', followNavigation);
  const start = () => {
    tellNavigation();
    tellPath();
    new MutationObserver((changes) => changes.some(touchesNavigation) && tellNavigation()).observe(document.documentElement, { childList: true, subtree: true, characterData: true });
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
}
