import {PolarisElement, define} from './element.js';
import {iconSvg} from './icons.js';

/** Tables: CSS tables out of custom elements, with the ARIA roles that native rows and cells would have. */

class Table extends PolarisElement {
  static strings = ['variant'];
  static booleans = ['loading', 'paginate', 'hasPreviousPage', 'hasNextPage'];
  static css = `
:host{display:block;position:relative}
.scroll{overflow-x:auto}
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
  }
  update() {
    this.part('nav').style.display = this.is('paginate') ? '' : 'none';
    this.part('.previous').disabled = !this.is('hasPreviousPage');
    this.part('.next').disabled = !this.is('hasNextPage');
    this.part('.table').setAttribute('aria-busy', String(this.is('loading')));
  }
}

class Row extends PolarisElement {
  static strings = ['clickDelegate'];
  static css = ':host{display:table-row}:host([clickdelegate]){cursor:pointer}:host(:hover){background:#fafafa}';
  rendered() {
    this.internals.role = 'row';
    this.addEventListener('click', event => {
      const id = this.text('clickDelegate');
      const target = id && this.getRootNode().getElementById(id);
      if (target && !event.composedPath().includes(target)) target.click();
    });
  }
}

class HeaderRow extends PolarisElement {
  static css = ':host{display:table-header-group;background:#f7f7f7}.row{display:table-row}';
  template() { return '<div class="row" role="row"><slot></slot></div>'; }
  rendered() { this.internals.role = 'rowgroup'; }
}

class Header extends PolarisElement {
  static strings = ['format', 'listSlot'];
  static css = ':host{display:table-cell;padding:8px 12px;text-align:start;font-size:12px;line-height:16px;font-weight:550;color:#616161;white-space:nowrap;border-block-end:1px solid #ebebeb}:host([format=numeric]),:host([format=currency]){text-align:end}';
  rendered() { this.internals.role = 'columnheader'; }
}

class Body extends PolarisElement {
  static css = ':host{display:table-row-group}';
  rendered() { this.internals.role = 'rowgroup'; }
}

class Cell extends PolarisElement {
  static css = ':host{display:table-cell;padding:8px 12px;vertical-align:middle;border-block-end:1px solid #ebebeb}:host(.numeric){text-align:end;font-variant-numeric:tabular-nums}';
  rendered() { this.internals.role = 'cell'; }
  connected() {
    const column = [...(this.parentElement?.children ?? [])].indexOf(this);
    const header = this.closest('s-table')?.querySelectorAll('s-table-header')[column];
    this.classList.toggle('numeric', ['numeric', 'currency'].includes(header?.getAttribute('format')));
  }
}

define('s-table', Table);
define('s-table-header-row', HeaderRow);
define('s-table-header', Header);
define('s-table-body', Body);
define('s-table-row', Row);
define('s-table-cell', Cell);
