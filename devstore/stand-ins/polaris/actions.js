import {PolarisElement, define, runCommand} from './element.js';
import {iconSvg} from './icons.js';
import {BOX_STRINGS, boxRules} from './layout.js';

/** What is pressed: button, link, clickable, button group, menu, popover, modal. */

const ACTION_STRINGS = ['href', 'target', 'download', 'command', 'commandFor', 'accessibilityLabel', 'interestFor'];

/** Give the inner control the address or the button type that its host asks for. */
function syncControl(element, control) {
  const label = element.text('accessibilityLabel');
  if (label) control.setAttribute('aria-label', label);
  else control.removeAttribute('aria-label');
  if (control.localName !== 'a') return;
  control.setAttribute('href', element.text('href'));
  const target = element.text('target');
  control.toggleAttribute('target', false);
  if (target && target !== 'auto') control.setAttribute('target', target);
  if (target === '_blank') control.setAttribute('rel', 'noopener');
  if (element.is('download')) control.setAttribute('download', element.text('download'));
}

/** A control in a shadow root belongs to no form, so its host does what a native button would. */
function actOnForm(element) {
  const form = element.closest('form');
  if (!form) return;
  if (element.text('type') === 'submit') form.requestSubmit();
  if (element.text('type') === 'reset') form.reset();
}

class Action extends PolarisElement {
  static delegatesFocus = true;
  /** Inner control: an anchor with an address, else a button; rebuilt when that changes. */
  control() { return this.part('.control'); }
  rendered() {
    this.addEventListener('click', event => {
      if (this.is('disabled') || this.is('loading')) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      queueMicrotask(() => {
        if (event.defaultPrevented) return;
        runCommand(this);
        actOnForm(this);
      });
    });
  }
  syncTag() {
    const wanted = this.text('href') ? 'a' : 'button';
    const control = this.control();
    if (control.localName === wanted) return;
    const replacement = document.createElement(wanted);
    replacement.className = 'control';
    if (wanted === 'button') replacement.type = 'button';
    replacement.append(...control.childNodes);
    control.replaceWith(replacement);
  }
  update() {
    this.syncTag();
    const control = this.control();
    syncControl(this, control);
    if (control.localName === 'button') control.disabled = this.is('disabled') || this.is('loading');
    else control.toggleAttribute('aria-disabled', this.is('disabled'));
    super.update();
  }
}

class Button extends Action {
  static strings = [...ACTION_STRINGS, 'variant', 'tone', 'type', 'icon', 'inlineSize'];
  static booleans = ['disabled', 'loading'];
  static css = `
:host{display:inline-block;inline-size:fit-content;vertical-align:middle;font-weight:550}
:host([inlinesize=fill]){display:block;inline-size:auto}
.control{position:relative;display:inline-flex;align-items:center;justify-content:var(--button-align,center);gap:4px;inline-size:100%;min-block-size:28px;padding:4px 12px;border:0;border-radius:8px;font:inherit;font-size:12px;line-height:16px;text-decoration:none;cursor:pointer;white-space:nowrap;background:#fff;color:#303030;box-shadow:0 -1px 0 0 #b5b5b5 inset,0 0 0 1px #0000001a inset,0 .5px 0 1.5px #fff inset}
.control:hover{background:#fafafa}.control:active{background:#f0f0f0;box-shadow:0 1px 0 1px #00000026 inset}
:host([variant=primary]) .control{background:linear-gradient(#4a4a4a,#303030);color:#fff;box-shadow:0 -1px 0 1px #000c inset,0 0 0 1px #303030 inset,0 .5px 0 1.5px #ffffff40 inset}
:host([variant=primary]) .control:hover{background:#1a1a1a}
:host([variant=tertiary]) .control{background:none;box-shadow:none}
:host([variant=tertiary]) .control:hover{background:#0000000d}
:host-context(s-menu) .control{background:none;box-shadow:none}
:host-context(s-menu) .control:hover{background:#0000000d}
:host([tone=critical]) .control{color:#8e0b21}
:host([tone=critical][variant=primary]) .control{background:linear-gradient(#e51c39,#c70a24);color:#fff;box-shadow:0 -1px 0 1px #8e0b21 inset}
:host([disabled]) .control,:host([loading]) .control{cursor:default}
:host([disabled]) .control{background:#0000000d;color:#757575;box-shadow:none}
.icon{display:contents}.icon svg{inline-size:20px;block-size:20px;margin:-2px}
.icon.empty{display:none}
.control.icon-only{padding:4px 6px}
.busy{display:none;position:absolute;inset:0;place-items:center}
:host([loading]) .busy{display:grid}:host([loading]) .words,:host([loading]) .icon{visibility:hidden}
.busy i{inline-size:16px;block-size:16px;border:2px solid currentColor;border-inline-end-color:transparent;border-radius:50%;animation:turn .7s linear infinite}
@keyframes turn{to{transform:rotate(1turn)}}
@media (pointer:coarse){.control{min-block-size:36px}}`;
  template() { return '<button class="control" type="button"><span class="icon" aria-hidden="true"></span><span class="words"><slot></slot></span><span class="busy" role="status" aria-live="polite"><i></i></span></button>'; }
  rendered() {
    super.rendered();
    this.part('slot').addEventListener('slotchange', () => this.syncIconOnly());
  }
  syncIconOnly() { this.control().classList.toggle('icon-only', Boolean(this.text('icon')) && !this.textContent.trim()); }
  update() {
    super.update();
    const icon = this.part('.icon');
    icon.classList.toggle('empty', !this.text('icon'));
    icon.innerHTML = this.text('icon') ? iconSvg(this.text('icon')) : '';
    this.control().setAttribute('aria-busy', String(this.is('loading')));
    this.syncIconOnly();
  }
}

class Link extends Action {
  static strings = [...ACTION_STRINGS, 'tone'];
  static css = ':host{display:inline}.control{all:unset;cursor:pointer;color:#005bd3;text-decoration:underline;text-underline-offset:2px;font:inherit}.control:hover{color:#004299}.control:focus-visible{outline:2px solid #005bd3;outline-offset:1px;border-radius:4px}:host([tone=neutral]) .control{color:inherit}:host([tone=critical]) .control{color:#8e0b21}';
  template() { return '<a class="control"><slot></slot></a>'; }
}

class Clickable extends Action {
  static strings = [...ACTION_STRINGS, ...BOX_STRINGS, 'type'];
  static booleans = ['disabled', 'loading'];
  static css = ':host{display:block}.control{display:block;inline-size:100%;padding:0;margin:0;border:0;background:none;font:inherit;color:inherit;text-align:start;text-decoration:none;cursor:pointer;border-radius:inherit}:host(:hover){filter:brightness(.98)}';
  template() { return '<button class="control" type="button"><slot></slot></button>'; }
  rules() { return boxRules(this); }
}

class PressButton extends Button {
  static strings = ['variant', 'tone', 'icon', 'inlineSize', 'accessibilityLabel'];
  static booleans = [...Button.booleans, 'pressed'];
  update() { super.update(); this.control().setAttribute('aria-pressed', String(this.is('pressed'))); }
}

class ButtonGroup extends PolarisElement {
  static strings = ['accessibilityLabel', 'gap'];
  static css = ':host{display:inline-flex;flex-wrap:wrap;gap:8px}:host([gap=none]){gap:0}';
  template() { return '<slot name="secondary-actions"></slot><slot></slot><slot name="primary-action"></slot>'; }
  update() { this.internals.role = 'group'; this.internals.ariaLabel = this.text('accessibilityLabel') || null; }
}

/** Something that opens below the control that called it and closes on Escape or a click elsewhere. */
class Popover extends PolarisElement {
  static strings = ['inlineSize', 'blockSize', 'minInlineSize', 'maxInlineSize', 'minBlockSize', 'maxBlockSize'];
  static css = ':host{display:contents}.panel{position:fixed;inset:auto;margin:0;padding:4px;border:0;border-radius:12px;background:#fff;box-shadow:0 4px 18px #0003,0 0 0 1px #0000000f;min-inline-size:160px;max-inline-size:calc(100vw - 16px)}';
  template() { return '<div class="panel" popover><slot></slot></div>'; }
  rendered() {
    this.part('.panel').addEventListener('toggle', event => {
      const isOpen = event.newState === 'open';
      this.dispatchEvent(new Event(isOpen ? 'show' : 'hide'));
      this.dispatchEvent(new Event(isOpen ? 'aftershow' : 'afterhide'));
    });
    this.addEventListener('click', event => this.closesOn(event) && this.hideOverlay());
  }
  closesOn() { return false; }
  showOverlay(source) {
    const panel = this.part('.panel');
    panel.showPopover();
    if (!source) return;
    const place = source.getBoundingClientRect();
    const left = Math.max(8, Math.min(place.left, innerWidth - panel.offsetWidth - 8));
    Object.assign(panel.style, {left: `${left}px`, top: `${place.bottom + 4}px`});
  }
  hideOverlay() { this.part('.panel').hidePopover(); }
  toggleOverlay(source) {
    if (this.part('.panel').matches(':popover-open')) this.hideOverlay();
    else this.showOverlay(source);
  }
}

class Menu extends Popover {
  static strings = ['accessibilityLabel'];
  static css = `${Popover.css}.panel{padding:6px;--button-align:flex-start}::slotted(s-button){display:block!important;inline-size:auto!important}`;
  update() {
    this.part('.panel').setAttribute('role', 'group');
    this.part('.panel').setAttribute('aria-label', this.text('accessibilityLabel') || 'Menu');
  }
  closesOn(event) { return event.target !== this; }
}

const MODAL_WIDTHS = {small: 380, 'small-100': 380, base: 620, large: 800, 'large-100': 980};
class Modal extends PolarisElement {
  static strings = ['heading', 'size', 'padding', 'accessibilityLabel'];
  static css = `:host{display:contents}
dialog{margin:auto;padding:0;border:0;border-radius:16px;inline-size:calc(100vw - 32px);max-block-size:calc(100vh - 64px);background:#fff;color:inherit;box-shadow:0 20px 60px #0005}
dialog[open]{display:flex;flex-direction:column}
dialog::backdrop{background:#00000080}
header{display:flex;align-items:center;gap:8px;padding:12px 12px 12px 16px;background:#f3f3f3;border-block-end:1px solid #e3e3e3}
h2{flex:1;margin:0;font-size:14px;line-height:20px;font-weight:650}
button{all:unset;cursor:pointer;display:grid;place-items:center;inline-size:28px;block-size:28px;border-radius:8px}button:hover{background:#0000000d}button:focus-visible{outline:2px solid #005bd3}
button svg{inline-size:20px}
.body{padding:16px;overflow:auto}:host([padding=none]) .body{padding:0}
footer{display:flex;justify-content:flex-end;gap:8px;padding:12px 16px;border-block-start:1px solid #e3e3e3}`;
  template() { return `<dialog aria-labelledby="title"><header><h2 id="title"></h2><button type="button" aria-label="Close">${iconSvg('x')}</button></header><div class="body"><slot></slot></div><footer><slot name="secondary-actions"></slot><slot name="primary-action"></slot></footer></dialog>`; }
  rendered() {
    const dialog = this.part('dialog');
    this.part('footer').addEventListener('slotchange', () => this.syncFooter());
    this.syncFooter();
    this.part('button').addEventListener('click', () => this.hideOverlay());
    dialog.addEventListener('click', event => event.target === dialog && this.hideOverlay());
    dialog.addEventListener('close', () => {
      this.dispatchEvent(new Event('hide'));
      this.dispatchEvent(new Event('afterhide'));
    });
  }
  rules() { return `dialog{max-inline-size:${MODAL_WIDTHS[this.text('size', 'base')] ?? 620}px}`; }
  update() {
    super.update();
    this.part('h2').textContent = this.text('heading');
  }
  syncFooter() {
    const actions = [...this.part('footer').querySelectorAll('slot')].flatMap(slot => slot.assignedElements());
    this.part('footer').hidden = actions.length === 0;
  }
  showOverlay() {
    if (this.part('dialog').open) return;
    this.update();
    this.part('dialog').showModal();
    this.dispatchEvent(new Event('show'));
    this.dispatchEvent(new Event('aftershow'));
  }
  hideOverlay() { this.part('dialog').close(); }
  toggleOverlay() {
    if (this.part('dialog').open) this.hideOverlay();
    else this.showOverlay();
  }
}

/** Holds the app's navigation for the admin to mirror; nothing of it shows in the app itself. */
class AppNav extends PolarisElement {
  static css = ':host{display:none!important}';
}

define('s-button', Button);
define('s-link', Link);
define('s-clickable', Clickable);
define('s-press-button', PressButton);
define('s-button-group', ButtonGroup);
define('s-popover', Popover);
define('s-menu', Menu);
define('s-modal', Modal);
define('s-app-nav', AppNav);
