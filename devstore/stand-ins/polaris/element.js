import {RESET} from './tokens.js';

/** The base of every stand-in element: attributes reflected as properties, one shadow root, one render function. */

const ESCAPES = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'};
export const escapeHtml = value => String(value ?? '').replace(/[&<>"']/g, character => ESCAPES[character]);

/** The tags defined so far; the tests hold them against Shopify's own list. */
export const definitions = new Map();

// React renders on a server without these; the guard lets the sources be imported by Node tests.
const Base = globalThis.HTMLElement ?? class {};

export class PolarisElement extends Base {
  /** Names of string attributes, in the spelling of the property (`inlineSize`). */
  static strings = [];
  static booleans = [];
  static css = '';
  static formAssociated = false;

  static get observedAttributes() {
    return [...this.strings, ...this.booleans].map(name => name.toLowerCase());
  }

  constructor() {
    super();
    this.attachShadow({mode: 'open', delegatesFocus: this.constructor.delegatesFocus ?? false});
    this.internals = this.attachInternals();
    this.dynamicSheet = new CSSStyleSheet();
    this.shadowRoot.adoptedStyleSheets = [sheetOf(this.constructor), this.dynamicSheet];
  }

  connectedCallback() {
    adoptEarlyProperties(this);
    if (!this.isRendered) this.firstRender();
    this.connected();
  }

  firstRender() {
    this.shadowRoot.innerHTML = this.template();
    this.isRendered = true;
    this.rendered();
    this.update();
  }

  attributeChangedCallback(name, before, after) {
    if (this.isRendered && before !== after) this.update(name);
  }

  /** The shadow markup, made once. */
  template() { return '<slot></slot>'; }
  /** Wire listeners, after the first render. */
  rendered() {}
  /** Bring the shadow tree in line with the attributes. */
  update() { this.setRules(this.rules()); }
  /** Rules that depend on attributes. */
  rules() { return ''; }
  connected() {}

  setRules(css) {
    if (css !== this.currentRules) this.dynamicSheet.replaceSync(css);
    this.currentRules = css;
  }

  part(selector) { return this.shadowRoot.querySelector(selector); }
  text(name, fallback = '') { return this.getAttribute(name.toLowerCase()) ?? fallback; }
  is(name) { return this.hasAttribute(name.toLowerCase()); }
  tell(type, init = {}) { return this.dispatchEvent(new Event(type, {bubbles: true, ...init})); }
}

/** A property set by a framework before the element was defined hides the accessor; set it again through it. */
function adoptEarlyProperties(element) {
  for (const name of Object.keys(element).filter(key => key in element.constructor.prototype)) {
    const value = element[name];
    delete element[name];
    element[name] = value;
  }
}

const sheets = new WeakMap();
function sheetOf(constructor) {
  if (!sheets.has(constructor)) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(RESET + constructor.css);
    sheets.set(constructor, sheet);
  }
  return sheets.get(constructor);
}

function reflectString(prototype, name) {
  if (name in prototype && !(name in HTMLElement.prototype)) return;
  Object.defineProperty(prototype, name, {
    configurable: true,
    get() { return this.getAttribute(name.toLowerCase()) ?? ''; },
    set(value) {
      if (value === null || value === undefined || value === false) this.removeAttribute(name.toLowerCase());
      else this.setAttribute(name.toLowerCase(), value);
    },
  });
}

function reflectBoolean(prototype, name) {
  if (name in prototype && !(name in HTMLElement.prototype)) return;
  Object.defineProperty(prototype, name, {
    configurable: true,
    get() { return this.hasAttribute(name.toLowerCase()); },
    set(value) { this.toggleAttribute(name.toLowerCase(), Boolean(value) && value !== 'false'); },
  });
}

/** Name an element and give it its properties; a page that already has the real Polaris keeps it. */
export function define(tag, constructor) {
  definitions.set(tag, constructor);
  if (!globalThis.customElements || customElements.get(tag)) return;
  constructor.strings.forEach(name => reflectString(constructor.prototype, name));
  constructor.booleans.forEach(name => reflectBoolean(constructor.prototype, name));
  customElements.define(tag, constructor);
}

/** Invoke what `commandfor`/`command` ask of the element they name: show, hide or toggle it. */
export function runCommand(source) {
  const target = source.getRootNode().getElementById?.(source.text('commandFor'));
  if (!target) return;
  const action = source.text('command', '--auto').replace(/^--/, '').replace('auto', 'toggle');
  target[`${action}Overlay`]?.(source);
}
