/**
 * The theme editor: app blocks are put on templates, set, switched off and removed.
 */
import { redirect, sendHtml } from '../server.mjs';
import { isAllowedOn } from '../storefront/app-blocks.mjs';
import { readFields } from '../storefront/form-data.mjs';
import { addPlacement, changePlacement, placementsOn, removePlacement } from '../storefront/placements.mjs';
import { findTemplate } from '../storefront/theme.mjs';
import { html } from './html.mjs';
import { icon } from './icons.mjs';
import { adminPath, assetUrl, checkOrigin, sendAdmin, shopOfPath, storefrontUrl } from './layout.mjs';

/** Templates that the editor opens, and how each is called there. */
const TEMPLATES = { index: 'Home page', product: 'Product page', collection: 'Collection page', cart: 'Cart', search: 'Search' };

export function showThemes(request) {
  const shop = shopOfPath(request);
  const content = html`<div class="page">
    <header class="page__head"><h1>Online Store</h1></header>
    <section class="panel panel--flush theme" aria-label="Current theme">
      <iframe class="theme__preview" src="${storefrontUrl(shop, request)}" title="Preview of the home page" tabindex="-1" loading="lazy"></iframe>
      <div class="theme__foot"><div><h2>Willow</h2><p class="muted">Current theme</p></div>
        <a class="button" href="${storefrontUrl(shop, request)}" target="_blank" rel="noopener">View store</a>
        <a class="button button--primary" href="${adminPath(shop, '/themes/current/editor?template=product')}">Edit theme</a></div>
    </section>
  </div>`;
  sendAdmin(request, shop, { title: 'Online Store', active: 'themes', content });
}

/** The deep link `?template=…&addAppBlockId={api_key}/{block}&target=newAppsSection` adds the block and shows it. */
export function showEditor(request) {
  const shop = shopOfPath(request);
  const template = templateOf(request.query.get('template'));
  const wanted = request.query.get('addAppBlockId');
  const added = wanted ? addBlock(request, shop, template, wanted) : null;
  sendEditor(request, shop, { template, notice: added, selected: added?.placement?.id ?? request.query.get('block') });
}

function templateOf(name) {
  return Object.hasOwn(TEMPLATES, name ?? '') ? name : 'index';
}

function addBlock({ store, config, blocks }, shop, template, id) {
  const [apiKey, handle] = id.split('/');
  const block = blocks.find(handle);
  const problem = problemOf({ config, shop, apiKey, block, template });
  if (problem) return { tone: 'critical', text: problem };
  const isThere = placementsOn(shop, template).some((each) => each.block === handle);
  const placement = addPlacement(store, shop, template, handle);
  return { tone: 'success', text: isThere ? `${block.schema.name} is on this page already.` : `${block.schema.name} was added and saved.`, placement };
}

function problemOf({ config, shop, apiKey, block, template }) {
  if (apiKey !== config.clientId || !shop.findInstall(config.clientId)) return 'This app is not installed, so its block cannot be added.';
  if (!block) return 'The app has no such block.';
  if (block.schema.target !== 'section') return 'This is no block for a section.';
  return isAllowedOn(block.schema, template) ? null : `${block.schema.name} cannot be used on the template ${template}.`;
}

/** A form of the editor: `action` is save, toggle or remove. */
export async function changeBlock(request) {
  checkOrigin(request);
  const shop = shopOfPath(request);
  const { template: name, action, settings = {} } = await readFields(request);
  const template = templateOf(name);
  const placement = placementsOn(shop, template).find(({ id }) => id === request.params.id);
  if (placement) applyChange(request, shop, { template, placement, action, settings });
  redirect(request.res, adminPath(shop, `/themes/current/editor?template=${template}&block=${encodeURIComponent(request.params.id)}`), 303);
}

function applyChange({ store, blocks }, shop, { template, placement, action, settings }) {
  if (action === 'remove') return removePlacement(store, shop, template, placement.id);
  if (action === 'toggle') return changePlacement(store, shop, template, placement.id, { isDisabled: !placement.isDisabled });
  const known = (blocks.find(placement.block)?.schema.settings ?? []).filter(({ id }) => id);
  // A box that is not ticked is not sent at all.
  const read = ({ id, type }) => (type === 'checkbox' ? settings[id] === 'true' : settings[id] ?? '');
  return changePlacement(store, shop, template, placement.id, { settings: Object.fromEntries(known.map((setting) => [setting.id, read(setting)])) });
}

function sendEditor(request, shop, { template, notice, selected }) {
  const page = html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Edit theme · ${shop.name}</title>
    <link rel="icon" type="image/svg+xml" href="${assetUrl('bag.svg')}">
    <link rel="stylesheet" href="${assetUrl('admin.css')}">
  </head>
  <body class="editor">
    <header class="editor__bar"><a class="button" href="${adminPath(shop, '/themes')}">${icon('exit')}Exit</a><strong>Willow</strong>
      <nav aria-label="Templates">${Object.entries(TEMPLATES).map(([name, label]) => html`<a href="?template=${name}"${name === template && html` aria-current="page"`}>${label}</a>`)}</nav></header>
    <div class="editor__columns">
      <aside aria-label="Sections">${notice && html`<p class="notice notice--${notice.tone}" role="status">${notice.text}</p>`}${templatePanel(request, shop, template, selected)}</aside>
      <main><iframe src="${previewUrl(request, shop, template)}" title="Preview"></iframe></main>
    </div>
  </body>
</html>`;
  sendHtml(request.res, notice?.tone === 'critical' ? 422 : 200, String(page), { 'Cache-Control': 'no-store', 'Content-Security-Policy': "frame-ancestors 'none'" });
}

function previewUrl(request, shop, template) {
  const [product] = shop.publishedProducts();
  const [collection] = shop.collections.values();
  const paths = { product: product ? `/products/${product.handle}` : '/', collection: `/collections/${collection?.handle ?? 'all'}`, cart: '/cart', search: '/search' };
  return storefrontUrl(shop, request, `${paths[template] ?? '/'}?design_mode=1`);
}

function templatePanel(request, shop, template, selected) {
  const { sections, order } = findTemplate(template);
  const placed = placementsOn(shop, template);
  const offered = availableBlocks(request, shop, template).filter(({ handle }) => !placed.some(({ block }) => block === handle));
  return html`<h1>${TEMPLATES[template]}</h1>
    <ul class="editor__sections">
      ${order.map((id) => html`<li>${titleOf(sections[id].type)}</li>`)}
      <li><strong>Apps</strong>
        <ul>${placed.map((placement) => placementItem(request, shop, template, placement, placement.id === selected))}</ul>
        ${placed.length === 0 && html`<p class="muted">No app block on this page.</p>`}
        ${offered.map(({ handle, schema }) => html`<a class="button" href="?template=${template}&addAppBlockId=${request.config.clientId}/${handle}&target=newAppsSection">Add ${schema.name}</a>`)}
      </li>
    </ul>`;
}

function availableBlocks({ blocks, config }, shop, template) {
  if (!shop.findInstall(config.clientId)) return [];
  return blocks.extensions().flatMap((extension) => extension.blocks).filter(({ schema }) => schema.target === 'section' && isAllowedOn(schema, template));
}

function titleOf(type) {
  const words = type.replace(/^main-/, '').replaceAll('-', ' ');
  return words[0].toUpperCase() + words.slice(1);
}

function placementItem(request, shop, template, placement, isOpen) {
  const block = request.blocks.find(placement.block);
  const isGone = !block || !shop.findInstall(request.config.clientId);
  return html`<li><details class="block"${isOpen && html` open`}>
    <summary>${block?.schema.name ?? placement.block}${isGone ? html` <span class="badge badge--critical">removed</span>` : placement.isDisabled && html` <span class="badge badge--neutral">hidden</span>`}</summary>
    <form method="post" action="${adminPath(shop, `/themes/current/editor/blocks/${placement.id}`)}">
      <input type="hidden" name="template" value="${template}">
      ${(block?.schema.settings ?? []).map((setting) => settingField(shop, placement, setting))}
      <div class="block__actions">
        <button class="button button--primary" name="action" value="save">Save</button>
        <button class="button" name="action" value="toggle">${placement.isDisabled ? 'Show' : 'Hide'}</button>
        <button class="button button--critical" name="action" value="remove">Remove</button>
      </div>
    </form></details></li>`;
}

function settingField(shop, placement, setting) {
  const { type, id, label, info, content } = setting;
  if (type === 'header') return html`<h3>${content}</h3>`;
  if (type === 'paragraph') return html`<p class="muted">${content}</p>`;
  const field = { ...setting, name: `settings[${id}]`, value: placement.settings[id] ?? setting.default ?? '', domId: `${placement.id}-${id}` };
  const hint = info && html`<small class="muted">${info}</small>`;
  if (type === 'checkbox') return html`<label class="check"><input type="checkbox" name="${field.name}" value="true"${field.value === true && html` checked`}><span>${label}<br>${hint}</span></label>`;
  return html`<div class="field"><label for="${field.domId}">${label}</label>${inputOf(shop, field)}${hint}</div>`;
}

function inputOf(shop, { type, name, value, domId, min, max, step, options = [] }) {
  if (type === 'range') return html`<input id="${domId}" type="number" name="${name}" value="${value}" min="${min}" max="${max}" step="${step}">`;
  if (type === 'textarea') return html`<textarea id="${domId}" name="${name}">${value}</textarea>`;
  const choices = choicesOf(shop, type, options);
  if (!choices) return html`<input id="${domId}" name="${name}" value="${value}">`;
  return html`<select id="${domId}" name="${name}">${choices.map((choice) => html`<option value="${choice.value}"${choice.value === value && html` selected`}>${choice.label}</option>`)}</select>`;
}

function choicesOf(shop, type, options) {
  if (['select', 'radio'].includes(type)) return options;
  const first = { value: '', label: 'None' };
  if (type === 'collection') return [first, ...[...shop.collections.values()].map(({ handle, title }) => ({ value: handle, label: title }))];
  if (type === 'product') return [{ ...first, label: 'The product of the page' }, ...shop.publishedProducts().slice(0, 100).map(({ handle, title }) => ({ value: handle, label: title }))];
  return null;
}
