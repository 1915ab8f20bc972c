/**
 * Line icons of the admin, drawn for this project on a 20 px grid.
 */
import { html } from './html.mjs';

const OUTLINES = {
  home: html`<path d="m3 9 7-6 7 6v8h-4.5v-5h-5v5H3z"/>`,
  orders: html`<path d="M4 3.5h12v13l-2-1.2-2 1.2-2-1.2-2 1.2-2-1.2-2 1.2z"/><path d="M7 7.5h6M7 11h4"/>`,
  products: html`<path d="M3 9.5 9.5 3H16a1 1 0 0 1 1 1v6.5L10.5 17z"/><path d="M13.2 6.8h.1"/>`,
  customers: html`<circle cx="10" cy="6.5" r="3.2"/><path d="M3.8 17a6.2 6.2 0 0 1 12.4 0"/>`,
  store: html`<path d="M3.5 8.5v8h13v-8"/><path d="M2.5 8 4 3.5h12L17.5 8a2.5 2.5 0 0 1-5 0 2.5 2.5 0 0 1-5 0 2.5 2.5 0 0 1-5 0z"/>`,
  apps: html`<rect x="3" y="3" width="6" height="6" rx="1.5"/><rect x="11" y="3" width="6" height="6" rx="1.5"/><rect x="3" y="11" width="6" height="6" rx="1.5"/><path d="M14 11.5v5M11.5 14h5"/>`,
  search: html`<circle cx="9" cy="9" r="5.2"/><path d="m13 13 4 4"/>`,
  menu: html`<path d="M3 5.5h14M3 10h14M3 14.5h14"/>`,
  view: html`<path d="M2 10s3-5.5 8-5.5S18 10 18 10s-3 5.5-8 5.5S2 10 2 10z"/><circle cx="10" cy="10" r="2.5"/>`,
  check: html`<path d="m4.5 10.5 3.5 3.5 7.5-8"/>`,
  exit: html`<path d="M12 3.5H4v13h8M8.5 10H17m-3-3.5 3.5 3.5-3.5 3.5"/>`,
};

/** Return an icon that screen readers pass over. */
export function icon(name) {
  return html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">${OUTLINES[name]}</svg>`;
}
