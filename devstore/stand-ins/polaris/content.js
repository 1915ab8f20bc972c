import {PolarisElement, define, escapeHtml} from './element.js';
import {iconSvg} from './icons.js';
import {depth} from './layout.js';
import {TONES, border, borderWidth, fontSize, fontWeight, radius} from './tokens.js';

/** Words, pictures and signs: text, heading, badge, banner, icon, image, list, spinner, progress. */

const toneColor = tone => TONES[tone]?.text;

/** Rules shared by every element that sets words. */
function wordRules(element) {
  const rules = [];
  if (element.text('color') === 'subdued') rules.push('color:#616161');
  if (toneColor(element.text('tone'))) rules.push(`color:${toneColor(element.text('tone'))}`);
  const size = element.text('fontSize');
  if (size && size !== 'auto') rules.push(`font-size:${fontSize(size)}`, 'line-height:1.45');
  const weight = element.text('fontWeight');
  if (weight && weight !== 'auto') rules.push(`font-weight:${fontWeight(weight)}`);
  if (element.text('fontVariantNumeric') === 'tabular-nums') rules.push('font-variant-numeric:tabular-nums');
  const clamp = Number(element.text('lineClamp'));
  if (clamp > 0) rules.push(`display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:${clamp};overflow:hidden`);
  const exclusive = element.text('accessibilityVisibility') === 'exclusive' ? ':host{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}' : '';
  return `:host{${rules.join(';')}}${exclusive}`;
}

const NUMBER_STRINGS = ['color', 'tone', 'fontSize', 'fontWeight', 'accessibilityVisibility'];
const WORD_STRINGS = [...NUMBER_STRINGS, 'fontVariantNumeric'];

class Words extends PolarisElement {
  static strings = WORD_STRINGS;
  rules() { return wordRules(this); }
  update() {
    super.update();
    this.internals.ariaHidden = this.text('accessibilityVisibility') === 'hidden' ? 'true' : null;
  }
}

class Text extends Words {
  static strings = [...WORD_STRINGS, 'type', 'interestFor'];
  static css = ':host{display:inline;font:inherit;color:inherit}:host([type=strong]){font-weight:650}:host([type=redundant]){text-decoration:line-through}:host([type=address]){font-style:normal}';
}

class Paragraph extends Words {
  static strings = [...WORD_STRINGS, 'lineClamp'];
  static css = ':host{display:block;font-size:inherit}p{margin:0}';
  template() { return '<p><slot></slot></p>'; }
}

class NumberText extends Words {
  static strings = NUMBER_STRINGS;
  static css = ':host{display:inline;font:inherit;color:inherit;font-variant-numeric:tabular-nums}';
}

class Heading extends Words {
  static strings = ['fontSize', 'accessibilityVisibility', 'lineClamp', 'accessibilityRole'];
  static css = ':host{display:block;font-size:14px;line-height:20px;font-weight:650}';
  template() { return '<div><slot></slot></div>'; }
  connected() {
    const heading = this.part('div');
    const isHeading = this.text('accessibilityRole', 'heading') === 'heading';
    heading.setAttribute('role', isHeading ? 'heading' : 'presentation');
    if (isHeading) heading.setAttribute('aria-level', String(Math.min(6, 2 + depth(this))));
  }
}

class Badge extends PolarisElement {
  static strings = ['tone', 'color', 'size', 'icon'];
  static css = `:host{display:inline-flex;align-items:center;gap:4px;padding:0 8px;min-block-size:20px;border-radius:8px;font-size:12px;line-height:16px;font-weight:550;background:#e3e3e3;color:#4a4a4a;vertical-align:middle;white-space:nowrap}
:host([size^=large]){min-block-size:24px;font-size:13px}svg{inline-size:14px;block-size:14px;margin-inline-start:-3px}`;
  template() { return '<span class="icon" aria-hidden="true"></span><slot></slot>'; }
  rules() {
    const tone = TONES[this.text('tone')];
    if (!tone) return '';
    return this.text('color') === 'strong' ? `:host{background:${tone.strong};color:#fff}` : `:host{background:${tone.fill};color:${tone.ink}}`;
  }
  update() {
    super.update();
    const icon = this.part('.icon');
    icon.hidden = !this.text('icon');
    icon.innerHTML = this.text('icon') ? iconSvg(this.text('icon')) : '';
  }
}

const BANNER_ICONS = {info: 'info', success: 'check-circle', warning: 'alert-triangle', critical: 'alert-diamond', auto: 'info'};
class Banner extends PolarisElement {
  static strings = ['tone', 'heading'];
  static booleans = ['dismissible', 'hidden'];
  static css = `:host{display:block}
.banner{border-radius:12px;background:#fff;box-shadow:0 1px 0 0 #1a1a1a12,0 0 0 1px #1a1a1a14;overflow:clip}
header{display:flex;gap:8px;align-items:center;padding:8px 12px;font-weight:650}
header .icon{display:contents}header svg{inline-size:20px;block-size:20px;flex:none}
h2{margin:0;font:inherit;flex:1}
.body{padding:12px;display:flex;flex-direction:column;gap:12px}
.plain{display:flex;gap:8px;padding:12px}
button{all:unset;cursor:pointer;inline-size:24px;block-size:24px;display:grid;place-items:center;border-radius:6px}button:hover{background:#0001}
.actions{display:flex;gap:8px}.actions:not(.filled){display:none}`;
  template() {
    return `<div class="banner"><header><span class="icon" aria-hidden="true"></span><h2></h2><button type="button" aria-label="Dismiss">${iconSvg('x')}</button></header><div class="body"><div><slot></slot></div><div class="actions"><slot name="secondary-actions"></slot></div></div></div>`;
  }
  rendered() {
    this.part('button').addEventListener('click', () => {
      this.hidden = true;
      this.tell('dismiss');
      this.tell('afterhide');
    });
    const slot = this.part('slot[name=secondary-actions]');
    slot.addEventListener('slotchange', () => this.part('.actions').classList.toggle('filled', slot.assignedElements().length > 0));
  }
  update() {
    const tone = this.text('tone', 'auto');
    const colors = TONES[tone] ?? TONES.info;
    this.setRules(`header{background:${colors.fill};color:${colors.ink}}`);
    this.part('.icon').innerHTML = iconSvg(BANNER_ICONS[tone] ?? 'info');
    this.part('h2').textContent = this.text('heading');
    this.part('button').hidden = !this.is('dismissible');
    this.part('.banner').setAttribute('role', tone === 'critical' || tone === 'warning' ? 'alert' : 'status');
  }
}

class Icon extends PolarisElement {
  static strings = ['type', 'tone', 'color', 'size', 'interestFor'];
  static css = ':host{display:inline-flex;inline-size:20px;block-size:20px;vertical-align:middle;flex:none}:host([size=small]){inline-size:16px;block-size:16px}span,svg{inline-size:100%;block-size:100%;display:block}';
  template() { return '<span aria-hidden="true"></span>'; }
  rules() {
    const color = TONES[this.text('tone')]?.strong ?? (this.text('color') === 'subdued' ? '#8a8a8a' : 'inherit');
    return `:host{color:${color}}`;
  }
  update() { super.update(); this.part('span').innerHTML = iconSvg(this.text('type')); }
}

class Image extends PolarisElement {
  static strings = ['src', 'srcSet', 'sizes', 'alt', 'loading', 'aspectRatio', 'objectFit', 'inlineSize', 'accessibilityRole', 'border', 'borderWidth', 'borderStyle', 'borderColor', 'borderRadius'];
  static css = ':host{display:block;max-inline-size:100%}img{display:block;max-inline-size:100%;inline-size:100%}:host([inlinesize=auto]) img{inline-size:auto}';
  template() { return '<img>'; }
  rendered() {
    const image = this.part('img');
    for (const type of ['load', 'error']) image.addEventListener(type, () => this.dispatchEvent(new Event(type)));
  }
  rules() {
    const rules = [];
    if (this.text('aspectRatio')) rules.push(`aspect-ratio:${this.text('aspectRatio')}`);
    if (this.text('objectFit')) rules.push(`object-fit:${this.text('objectFit')}`);
    if (this.text('border')) rules.push(`border:${border(this.text('border'))}`);
    if (this.text('borderWidth')) rules.push(`border-width:${borderWidth(this.text('borderWidth'))}`);
    if (this.text('borderRadius')) rules.push(`border-radius:${radius(this.text('borderRadius'))}`);
    return `img{${rules.join(';')}}`;
  }
  update() { super.update(); copyAttributes(this, this.part('img'), ['src', 'srcset', 'sizes', 'alt', 'loading']); }
}

export function copyAttributes(source, target, names) {
  for (const name of names) {
    if (source.hasAttribute(name)) target.setAttribute(name, source.getAttribute(name));
    else if (name === 'alt') target.setAttribute('alt', '');
    else target.removeAttribute(name);
  }
}

const THUMBNAILS = {'small-200': 24, 'small-100': 32, small: 32, base: 40, large: 60, 'large-100': 80};
class Thumbnail extends PolarisElement {
  static strings = ['src', 'alt', 'size'];
  static css = ':host{display:inline-block;flex:none;vertical-align:middle}span{display:grid;place-items:center;overflow:hidden;border:1px solid #e3e3e3;border-radius:8px;background:#f7f7f7;color:#8a8a8a}img{inline-size:100%;block-size:100%;object-fit:contain}svg{inline-size:50%}';
  template() { return '<span></span>'; }
  rules() {
    const side = THUMBNAILS[this.text('size', 'base')] ?? 40;
    return `span{inline-size:${side}px;block-size:${side}px}`;
  }
  update() {
    super.update();
    this.part('span').innerHTML = this.text('src') ? `<img src="${escapeHtml(this.text('src'))}" alt="${escapeHtml(this.text('alt'))}" loading="lazy">` : iconSvg('image');
  }
}

class Avatar extends PolarisElement {
  static strings = ['src', 'alt', 'initials', 'size'];
  static css = ':host{display:inline-block}span{display:grid;place-items:center;inline-size:32px;block-size:32px;border-radius:8px;background:#c2f5e9;color:#004c3f;font-size:12px;font-weight:650;overflow:hidden}img{inline-size:100%}';
  template() { return '<span role="img"></span>'; }
  update() {
    this.part('span').ariaLabel = this.text('alt') || this.text('initials');
    this.part('span').innerHTML = this.text('src') ? `<img src="${escapeHtml(this.text('src'))}" alt="">` : escapeHtml(this.text('initials').slice(0, 2).toUpperCase());
  }
}

class Spinner extends PolarisElement {
  static strings = ['size', 'accessibilityLabel'];
  static css = `:host{display:inline-flex;vertical-align:middle}svg{inline-size:20px;block-size:20px;animation:turn .8s linear infinite}:host([size^=large]) svg{inline-size:44px;block-size:44px}@keyframes turn{to{transform:rotate(1turn)}}`;
  template() { return '<svg viewBox="0 0 20 20" fill="none" stroke="#616161" stroke-width="2.2" stroke-linecap="round" role="img"><path d="M10 2.5a7.5 7.5 0 1 1-7 4.8"/></svg>'; }
  update() { this.part('svg').setAttribute('aria-label', this.text('accessibilityLabel') || 'Loading'); }
}

class Progress extends PolarisElement {
  static strings = ['value', 'max', 'tone', 'accessibilityLabel'];
  static css = ':host{display:block}div{block-size:8px;border-radius:8px;background:#ebebeb;overflow:hidden}i{display:block;block-size:100%;border-radius:8px;background:#303030;transition:inline-size .3s}.waiting i{inline-size:30%;animation:slide 1.4s ease-in-out infinite}@keyframes slide{0%{margin-inline-start:-30%}100%{margin-inline-start:100%}}';
  template() { return '<div role="progressbar" aria-valuemin="0"><i></i></div>'; }
  update() {
    const bar = this.part('div');
    const max = Number(this.text('max', '1')) || 1;
    const known = this.hasAttribute('value');
    const share = Math.min(1, Math.max(0, Number(this.text('value')) / max));
    bar.classList.toggle('waiting', !known);
    bar.ariaLabel = this.text('accessibilityLabel') || 'Progress';
    bar.setAttribute('aria-valuemax', String(max));
    if (known) bar.setAttribute('aria-valuenow', this.text('value'));
    this.setRules(known ? `i{inline-size:${share * 100}%;background:${TONES[this.text('tone')]?.strong ?? '#303030'}}` : '');
  }
}

class Chip extends PolarisElement {
  static strings = ['color', 'accessibilityLabel'];
  static booleans = ['removable'];
  static css = ':host{display:inline-flex;align-items:center;gap:4px;min-block-size:24px;padding:0 8px;border-radius:8px;background:#ebebeb;font-size:12px;font-weight:550}:host([color=strong]){background:#303030;color:#fff}button{all:unset;cursor:pointer;display:grid;inline-size:16px}';
  template() { return `<slot name="graphic"></slot><slot></slot><button type="button" aria-label="Remove">${iconSvg('x')}</button>`; }
  rendered() { this.part('button').addEventListener('click', () => this.tell('remove')); }
  update() { this.part('button').hidden = !this.is('removable'); }
}

class Tooltip extends PolarisElement {
  static css = ':host{display:none;position:fixed;z-index:30;max-inline-size:240px;padding:4px 8px;border-radius:8px;background:#303030;color:#fff;font-size:12px;line-height:16px;pointer-events:none}';
  connected() {
    this.internals.role = 'tooltip';
    const trigger = () => this.id && this.getRootNode().querySelector(`[interestfor="${CSS.escape(this.id)}"]`);
    if (this.isWired) return;
    this.isWired = true;
    for (const [type, open] of [['pointerover', true], ['focusin', true], ['pointerout', false], ['focusout', false]]) {
      document.addEventListener(type, event => trigger()?.contains(event.target) && this.toggle(open, trigger()));
    }
  }
  toggle(open, trigger) {
    const place = trigger.getBoundingClientRect();
    this.setRules(open ? `:host{display:block;left:${Math.max(8, place.left)}px;top:${place.bottom + 6}px}` : '');
  }
}

class List extends PolarisElement {
  static css = ':host{display:block}div{display:flex;flex-direction:column;gap:4px;padding-inline-start:18px}';
  template() { return '<div role="list"><slot></slot></div>'; }
}
class ListItem extends PolarisElement {
  static css = ':host{display:block}div{display:list-item;list-style:disc}:host-context(s-ordered-list){counter-increment:item}:host-context(s-ordered-list) div{list-style:none}:host-context(s-ordered-list) div::before{content:counter(item) ". ";margin-inline-start:-18px;display:inline-block;inline-size:18px}';
  template() { return '<div role="listitem"><slot></slot></div>'; }
}

define('s-text', Text);
define('s-paragraph', Paragraph);
define('s-number', NumberText);
define('s-heading', Heading);
define('s-badge', Badge);
define('s-banner', Banner);
define('s-icon', Icon);
define('s-image', Image);
define('s-thumbnail', Thumbnail);
define('s-avatar', Avatar);
define('s-spinner', Spinner);
define('s-progress', Progress);
define('s-chip', Chip);
define('s-tooltip', Tooltip);
define('s-unordered-list', class UnorderedList extends List {});
define('s-ordered-list', class OrderedList extends List {
  static css = `${List.css}:host{counter-reset:item}`;
});
define('s-list-item', ListItem);
