/**
 * Shopify's Liquid tags that liquidjs does not bring.
 */
import { Hash, Tag, Value, evalToken } from 'liquidjs';
import { attributesHtml } from './filters.mjs';

/** Forms whose address and hidden fields the tag knows. */
const FORM_ACTIONS = {
  product: '/cart/add',
  cart: '/cart',
  customer_login: '/account/login',
  localization: '/localization',
};

/** A tag whose content is taken as it stands, and which prints nothing. */
class RawBlock extends Tag {
  constructor(token, remaining, liquid) {
    super(token, remaining, liquid);
    const parts = [];
    while (remaining.length) {
      const next = remaining.shift();
      if (next.name === `end${token.name}`) {
        this.content = parts.join('');
        return;
      }
      parts.push(next.getText());
    }
    throw new Error(`tag ${token.getText()} not closed`);
  }

  * render() {}
}

function parseUntil(tag, token, remaining, liquid, parser) {
  const templates = [];
  while (remaining.length) {
    const next = remaining.shift();
    if (next.name === `end${token.name}`) return templates;
    templates.push(parser.parseToken(next, remaining));
  }
  throw new Error(`tag ${token.getText()} not closed`);
}

/** `{% style %}` prints its content in a style element. */
class StyleTag extends Tag {
  constructor(token, remaining, liquid, parser) {
    super(token, remaining, liquid);
    this.templates = parseUntil(this, token, remaining, liquid, parser);
  }

  * render(context, emitter) {
    emitter.write('<style data-shopify>');
    yield this.liquid.renderer.renderTemplates(this.templates, context, emitter);
    emitter.write('</style>');
  }
}

/** `{% form 'product', product, class: 'x' %}` prints a form with what Shopify expects in it. */
class FormTag extends Tag {
  constructor(token, remaining, liquid, parser) {
    super(token, remaining, liquid);
    this.type = this.tokenizer.readValue();
    this.tokenizer.skipBlank();
    this.subject = this.#readSubject();
    this.hash = new Hash(this.tokenizer);
    this.templates = parseUntil(this, token, remaining, liquid, parser);
  }

  #readSubject() {
    const start = this.tokenizer.p;
    if (this.tokenizer.peek() !== ',') return null;
    this.tokenizer.advance();
    this.tokenizer.skipBlank();
    const value = this.tokenizer.readValue();
    this.tokenizer.skipBlank();
    if (value && this.tokenizer.peek() !== ':') return value;
    this.tokenizer.p = start;
    return null;
  }

  * render(context, emitter) {
    const type = yield evalToken(this.type, context);
    const subject = this.subject ? yield evalToken(this.subject, context) : null;
    const { return_to: returnTo, ...attributes } = yield this.hash.render(context);
    const root = context.getSync(['routes', 'root_url']) ?? '/';
    const action = FORM_ACTIONS[type] && root.replace(/\/$/, '') + FORM_ACTIONS[type];
    if (!action) throw new Error(`form: the devstore knows no form of the type ${type}.`);
    emitter.write(`<form${attributesHtml({ method: 'post', action, 'accept-charset': 'UTF-8', enctype: type === 'product' ? 'multipart/form-data' : undefined, ...attributes })}>`);
    emitter.write(hiddenField('form_type', type) + hiddenField('utf8', '✓'));
    if (subject?.id && type === 'product') emitter.write(hiddenField('product-id', subject.id));
    if (returnTo) emitter.write(hiddenField('return_to', returnTo));
    context.push({ form: { id: attributes.id ?? null, errors: null, 'posted_successfully?': false } });
    yield this.liquid.renderer.renderTemplates(this.templates, context, emitter);
    context.pop();
    emitter.write('</form>');
  }
}

function hiddenField(name, value) {
  return `<input${attributesHtml({ type: 'hidden', name, value })}>`;
}

/** `{% paginate collection.products by 12 %}` shows one page of a list, chosen by `?page=`. */
class PaginateTag extends Tag {
  constructor(token, remaining, liquid, parser) {
    super(token, remaining, liquid);
    const match = /^([\w.-]+)\s+by\s+(\S+)/.exec(token.args.trim());
    if (!match) throw new Error(`paginate: "${token.args}" is not "list by size".`);
    this.path = match[1].split('.');
    this.size = new Value(match[2], liquid);
    this.templates = parseUntil(this, token, remaining, liquid, parser);
  }

  * render(context, emitter) {
    const size = Math.min(250, Math.max(1, Number(yield this.size.value(context))));
    const items = (yield context._get(this.path)) ?? [];
    const { request } = context.environments;
    const paginate = describePages(items.length, size, request.page, request.page_url);
    const page = items.slice(paginate.current_offset, paginate.current_offset + size);
    context.push({ paginate, ...overlay(context, this.path, page) });
    yield this.liquid.renderer.renderTemplates(this.templates, context, emitter);
    context.pop();
  }
}

/** Return a scope in which `path` reads as `value` and everything beside it as before. */
function overlay(context, [root, ...rest], value) {
  if (rest.length === 0) return { [root]: value };
  const before = context.getSync([root]);
  const [name] = rest;
  const properties = { ...Object.getOwnPropertyDescriptors(before), [name]: { value, enumerable: true } };
  return { [root]: Object.create(Object.getPrototypeOf(before), properties) };
}

function describePages(items, size, wanted, urlOf) {
  const pages = Math.max(1, Math.ceil(items / size));
  const current = Math.min(Math.max(1, wanted), pages);
  const link = (page) => ({ is_link: page !== current, title: String(page), url: urlOf(page) });
  return {
    items,
    page_size: size,
    pages,
    current_page: current,
    current_offset: (current - 1) * size,
    previous: current > 1 ? { ...link(current - 1), title: 'Previous' } : null,
    next: current < pages ? { ...link(current + 1), title: 'Next' } : null,
    parts: nearbyPages(current, pages).map((page) => (page === null ? { is_link: false, title: '…' } : link(page))),
  };
}

/** Return the first, the last and the pages around the current one, null where some are left out. */
function nearbyPages(current, pages) {
  const shown = [...new Set([1, current - 1, current, current + 1, pages])].filter((page) => page >= 1 && page <= pages);
  return shown.flatMap((page, at) => (at > 0 && page - shown[at - 1] > 1 ? [null, page] : [page]));
}

/** `{% section 'header' %}` prints a section of the theme. */
class SectionTag extends Tag {
  constructor(token, remaining, liquid) {
    super(token, remaining, liquid);
    this.name = this.tokenizer.readValue();
  }

  * render(context, emitter) {
    const name = yield evalToken(this.name, context);
    // Read as it stands: a lookup through the context would call the function.
    emitter.write(context.environments.render_section(name));
  }
}

/** `{% layout none %}` or `{% layout 'name' %}`: the page reads the choice after it has rendered its body. */
class LayoutTag extends Tag {
  constructor(token, remaining, liquid) {
    super(token, remaining, liquid);
    this.name = token.args.trim().replace(/^['"]|['"]$/g, '');
  }

  * render(context) {
    const { page_choice: choice } = context.environments;
    if (choice) choice.layout = this.name === 'none' ? null : this.name;
  }
}

/** Add the tags to an engine. */
export function registerTags(engine) {
  for (const name of ['schema', 'doc', 'javascript', 'stylesheet']) engine.registerTag(name, class extends RawBlock {});
  engine.registerTag('style', StyleTag);
  engine.registerTag('form', FormTag);
  engine.registerTag('paginate', PaginateTag);
  engine.registerTag('section', SectionTag);
  engine.registerTag('layout', LayoutTag);
}
