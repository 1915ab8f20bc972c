import {PolarisElement, define} from './element.js';
import {iconSvg} from './icons.js';

/** Tables: CSS tables out of custom elements, with the ARIA roles that native rows and cells would have. */

class Table extends PolarisElement {
  static strings = ['variant'];
  static booleans = ['loading', 'paginate', 'hasPreviousPage', 'hasNextPage'];
  static css = `
:host{display:block;position:relative}
.scroll{overflow-x:auto}.scroll:focus-visible{outline:2px solid #005bd3;outline-offset:-2px}
.table{display:table;inline-size:100%;border-collapse:collapse}
:host([loading]) .table{opacity:.5}
nav{display:flex;justify-content:center;gap:4px;padding:8px}
nav button{all:unset;cursor:pointer;display:grid;place-items:center;inline-size:28px;block-size:28px;border-radius:8px;background:#ebebeb}
nav button svg{inline-size:20px}nav button:disabled{opacity:.4;cursor:default}nav button:focus-visible{outline:2px solid #005bd3}`;
  template() {
    return `<slot name="filters"></slot><div class="scroll" tabindex="-1"><div class="table" role="table"><slot></slot></div></div><nav aria-label="Table pages"><button type="button" class="previous" aria-label="Previous page">${iconSvg('chevron-left')}</button><button type="button" class="next" aria-label="Next page">${iconSvg('chevron-right')}</button></nav>`;
  }
  rendered() {
    this.part('.previous').addEventListener('click', () => this.tell('previouspage'));
    this.part('.next').addEventListener('click', () => this.tell('nextpage'));
    // A table wider than its place can be scrolled with the keyboard; any other is no stop on the way.
    const scroll = this.part('.scroll');
    new ResizeObserver(() => { scroll.tabIndex = scroll.scrollWidth > scroll.clientWidth ? 0 : -1; }).observe(scroll);
  }
  update() {
    this.part('nav').style.display = this.is('paginate') ? '' : 'none';
    this.part('.previous').disabled = !this.is('hasPreviousPage');
    this.part('.next').disabled = !this.is('hasNextPage');
    this.part('.table').setAttribute('aria-busy', String(this.is('loading')));
  }
}

/*
 * The hosts of rows and cells take no part in the layout: the roles and boxes are in their shadow trees, so that the
 * attributes of the hosts stay those that their author (or a server) wrote.
 */
class Row extends PolarisElement {
  static strings = ['clickDelegate'];
  static css = ':host{display:contents}.row{display:table-row}:host([clickdelegate]) .row{cursor:pointer}.row:hover{background:#fafafa}';
  template() { return '<div class="row" role="row"><slot></slot></div>'; }
  rendered() {
    this.addEventListener('click', event => {
      const id = this.text('clickDelegate');
      const target = id && this.getRootNode().getElementById(id);
      if (target && !event.composedPath().includes(target)) target.click();
    });
  }
}

class HeaderRow extends PolarisElement {
  static css = ':host{display:contents}.group{display:table-header-group;background:#f7f7f7}.row{display:table-row}';
  template() { return '<div class="group" role="rowgroup"><div class="row" role="row"><slot></slot></div></div>'; }
}

class Header extends PolarisElement {
  static strings = ['format', 'listSlot'];
  static css = ':host{display:contents}.cell{display:table-cell;padding:8px 12px;text-align:start;font-size:12px;line-height:16px;font-weight:550;color:#616161;white-space:nowrap;border-block-end:1px solid #ebebeb}:host([format=numeric]) .cell,:host([format=currency]) .cell{text-align:end}';
  template() { return '<div class="cell" role="columnheader"><slot></slot></div>'; }
}

class Body extends PolarisElement {
  static css = ':host{display:contents}.group{display:table-row-group}';
  template() { return '<div class="group" role="rowgroup"><slot></slot></div>'; }
}

class Cell extends PolarisElement {
  static css = ':host{display:contents}.cell{display:table-cell;padding:8px 12px;vertical-align:middle;border-block-end:1px solid #ebebeb}.numeric{text-align:end;font-variant-numeric:tabular-nums}';
  template() { return '<div class="cell" role="cell"><slot></slot></div>'; }
  connected() {
    const column = [...(this.parentElement?.children ?? [])].indexOf(this);
    const header = this.closest('s-table')?.querySelectorAll('s-table-header')[column];
    this.part('.cell').classList.toggle('numeric', ['numeric', 'currency'].includes(header?.getAttribute('format')));
  }
}

define('s-table', Table);
define('s-table-header-row', HeaderRow);
define('s-table-header', Header);
define('s-table-body', Body);
define('s-table-row', Row);
define('s-table-cell', Cell);
