import {PolarisElement, define, escapeHtml} from './element.js';
import {background, border, borderColor, borderWidth, radius, responsive, space} from './tokens.js';

/** Page, section, box, stack, grid and the other elements that only place things. */

export const BOX_STRINGS = [
  'background', 'border', 'borderWidth', 'borderStyle', 'borderColor', 'borderRadius', 'padding', 'paddingBlock', 'paddingBlockStart', 'paddingBlockEnd',
  'paddingInline', 'paddingInlineStart', 'paddingInlineEnd', 'display', 'blockSize', 'minBlockSize', 'maxBlockSize', 'inlineSize', 'minInlineSize',
  'maxInlineSize', 'accessibilityVisibility', 'accessibilityRole', 'accessibilityLabel', 'overflow',
];
const same = value => value;
const length = value => (value === 'auto' || value === 'none' || Number.isNaN(Number(value)) ? value : `${Number(value)}px`);

/** CSS property and translation of each box attribute, in the order that lets the narrow one win. */
const BOX_RULES = [
  ['background', 'background', background], ['border', 'border', border], ['borderWidth', 'border-width', borderWidth], ['borderStyle', 'border-style', same],
  ['borderColor', 'border-color', borderColor], ['borderRadius', 'border-radius', radius], ['padding', 'padding', space], ['paddingBlock', 'padding-block', space],
  ['paddingBlockStart', 'padding-block-start', space], ['paddingBlockEnd', 'padding-block-end', space], ['paddingInline', 'padding-inline', space],
  ['paddingInlineStart', 'padding-inline-start', space], ['paddingInlineEnd', 'padding-inline-end', space], ['blockSize', 'block-size', length],
  ['minBlockSize', 'min-block-size', length], ['maxBlockSize', 'max-block-size', length], ['inlineSize', 'inline-size', length],
  ['minInlineSize', 'min-inline-size', length], ['maxInlineSize', 'max-inline-size', length], ['overflow', 'overflow', same],
];

export function boxRules(element) {
  const rules = BOX_RULES.filter(([name]) => element.text(name)).map(([name, property, translate]) => responsive(property, element.text(name), translate));
  if (element.text('display') === 'none') rules.push(':host{display:none}');
  return rules.join('');
}

const GAPS = [['gap', 'gap'], ['rowGap', 'row-gap'], ['columnGap', 'column-gap']];
const ALIGNMENTS = [['alignItems', 'align-items'], ['justifyItems', 'justify-items'], ['placeItems', 'place-items'], ['alignContent', 'align-content'], ['justifyContent', 'justify-content'], ['placeContent', 'place-content']];

function flowRules(element) {
  const gaps = GAPS.filter(([name]) => element.text(name)).map(([name, property]) => responsive(property, element.text(name), space));
  const alignments = ALIGNMENTS.filter(([name]) => element.text(name)).map(([name, property]) => responsive(property, element.text(name)));
  return [...gaps, ...alignments].join('');
}

/** Roles go to the internals, so that the host keeps the attributes its author wrote. */
function applyRole(element) {
  const role = element.text('accessibilityRole');
  element.internals.role = role && role !== 'generic' ? role : null;
  element.internals.ariaLabel = element.text('accessibilityLabel') || null;
  element.internals.ariaHidden = element.text('accessibilityVisibility') === 'hidden' ? 'true' : null;
}

class Box extends PolarisElement {
  static strings = BOX_STRINGS;
  static css = ':host{display:block}';
  rules() { return boxRules(this); }
  update() { super.update(); applyRole(this); }
}

class Stack extends Box {
  static strings = [...BOX_STRINGS, 'direction', 'gap', 'rowGap', 'columnGap', 'alignItems', 'alignContent', 'justifyContent'];
  static css = ':host{display:flex;flex-direction:column;min-inline-size:0}';
  rules() {
    const inline = this.text('direction') === 'inline' ? ':host{flex-flow:row wrap;align-items:center}' : '';
    return inline + flowRules(this) + boxRules(this);
  }
}

class Grid extends Box {
  static strings = [...BOX_STRINGS, 'gridTemplateColumns', 'gridTemplateRows', 'gap', 'rowGap', 'columnGap', 'alignItems', 'justifyItems', 'placeItems', 'alignContent', 'justifyContent', 'placeContent'];
  static css = ':host{display:grid;min-inline-size:0}::slotted(*){min-inline-size:0}';
  rules() {
    const tracks = [['gridTemplateColumns', 'grid-template-columns'], ['gridTemplateRows', 'grid-template-rows']]
      .filter(([name]) => this.text(name)).map(([name, property]) => responsive(property, this.text(name)));
    return tracks.join('') + flowRules(this) + boxRules(this);
  }
}

class GridItem extends Box {
  static strings = [...BOX_STRINGS, 'gridColumn', 'gridRow'];
  static css = ':host{display:block;min-inline-size:0}';
  rules() {
    return [['gridColumn', 'grid-column'], ['gridRow', 'grid-row']].filter(([name]) => this.text(name))
      .map(([name, property]) => responsive(property, this.text(name))).join('') + boxRules(this);
  }
}

class ScrollBox extends Box {
  static strings = [...BOX_STRINGS, 'snapType'];
  static css = ':host{display:block;overflow:auto}';
}

class QueryContainer extends PolarisElement {
  static strings = ['containerName'];
  static css = ':host{display:block;container-type:inline-size}';
  rules() { return this.text('containerName') ? `:host{container-name:${this.text('containerName')}}` : ''; }
}

class Page extends PolarisElement {
  static strings = ['heading', 'inlineSize'];
  static css = `
:host{display:block;container-type:inline-size;background:#f1f1f1;min-block-size:100vh}
.page{max-inline-size:998px;margin-inline:auto;padding:0 16px 48px}
:host([inlinesize=small]) .page{max-inline-size:662px}
:host([inlinesize=large]) .page{max-inline-size:1200px}
header{display:flex;align-items:center;gap:8px;flex-wrap:wrap;min-block-size:64px;padding-block:16px 12px}
h1{flex:1 1 auto;margin:0;font-size:20px;line-height:28px;font-weight:650;letter-spacing:-.2px}
.actions{display:flex;gap:8px;align-items:center}
.columns{display:grid;gap:16px;align-items:start}
main,aside{display:flex;flex-direction:column;gap:16px;min-inline-size:0}
aside.empty{display:none}
@container (inline-size > 760px){.columns.with-aside{grid-template-columns:minmax(0,2fr) minmax(0,1fr)}}`;
  template() {
    return `<div class="page"><header><slot name="breadcrumb-actions"></slot><h1></h1><slot name="accessory"></slot><div class="actions"><slot name="secondary-actions"></slot><slot name="primary-action"></slot></div></header>
      <slot name="supplemental-start"></slot><div class="columns"><main><slot></slot></main><aside class="empty"><slot name="aside"></slot></aside></div></div>`;
  }
  rendered() {
    const aside = this.part('slot[name=aside]');
    aside.addEventListener('slotchange', () => {
      const filled = aside.assignedElements().length > 0;
      this.part('aside').classList.toggle('empty', !filled);
      this.part('.columns').classList.toggle('with-aside', filled);
    });
  }
  update() { this.part('h1').textContent = this.text('heading'); }
}

class Section extends PolarisElement {
  static strings = ['heading', 'subheading', 'padding', 'accessibilityLabel'];
  static css = `
:host{display:block}
section{background:#fff;border-radius:12px;box-shadow:0 1px 0 0 #1a1a1a12,0 0 0 1px #1a1a1a0f;overflow:clip}
.body{display:flex;flex-direction:column;gap:12px;padding:16px}
:host([padding=none]) .body{padding:0}
:host([padding=none]) header{padding:16px 16px 12px}
header{display:flex;align-items:center;gap:8px;flex-wrap:wrap}
header.empty{display:none}
h2{margin:0;flex:1 1 auto;font-size:14px;line-height:20px;font-weight:650}
p{margin:0;flex-basis:100%;color:#616161}p:empty{display:none}
.nested{background:none;box-shadow:none;border-radius:0}
.nested .body{padding:0}`;
  template() {
    return `<section><div class="body"><header class="empty"><h2 role="heading"></h2><slot name="accessory"></slot><slot name="secondary-actions"></slot><slot name="primary-action"></slot><p></p></header><slot></slot></div></section>`;
  }
  connected() { this.part('section').classList.toggle('nested', Boolean(this.parentElement?.closest('s-section'))); }
  update() {
    const heading = this.text('heading');
    const title = this.part('h2');
    title.textContent = heading;
    title.setAttribute('aria-level', String(2 + depth(this)));
    this.part('p').textContent = this.text('subheading');
    this.part('header').classList.toggle('empty', !heading && !this.text('subheading'));
    const label = this.text('accessibilityLabel') || heading;
    if (label) this.part('section').setAttribute('aria-label', label);
  }
}

/** How many sections lie around an element: its headings step down by that many levels. */
export function depth(element) {
  let count = 0;
  for (let section = element.parentElement?.closest('s-section'); section; section = section.parentElement?.closest('s-section')) count += 1;
  return count;
}

class Divider extends PolarisElement {
  static strings = ['direction', 'color'];
  static css = ':host{display:block;align-self:stretch}hr{margin:0;border:0;block-size:1px;background:#ebebeb}:host([color=strong]) hr{background:#8a8a8a}:host([direction=block]) hr{inline-size:1px;block-size:100%;min-block-size:20px}';
  template() { return '<hr>'; }
}

class EmptyState extends PolarisElement {
  static strings = ['heading'];
  static css = ':host{display:flex;flex-direction:column;align-items:center;gap:8px;text-align:center;padding:40px 20px}h2{margin:0;font-size:16px;line-height:24px;font-weight:650}.actions{display:flex;gap:8px;margin-block-start:8px}';
  template() { return `<slot name="graphic"></slot><h2>${escapeHtml(this.text('heading'))}</h2><slot name="subheading"></slot><slot></slot><div class="actions"><slot name="secondary-actions"></slot><slot name="primary-action"></slot></div>`; }
  update() { this.part('h2').textContent = this.text('heading'); }
}

define('s-page', Page);
define('s-section', Section);
define('s-box', Box);
define('s-stack', Stack);
define('s-grid', Grid);
define('s-grid-item', GridItem);
define('s-scroll-box', ScrollBox);
define('s-query-container', QueryContainer);
define('s-divider', Divider);
define('s-empty-state', EmptyState);
