/*
 * Progressive help for the carousel, whose markup works without it:
 * 1. buttons that scroll the list;
 * 2. the decision's id travels with the cart: a click on a card, or landing from one, leaves a cart attribute;
 * 3. where the merchant asked for it, a personal order replaces the default, or silently does not.
 */
(() => {
  const DEADLINE_MS = 800;
  const RECENT_MOST = 20;
  const RECENT_KEY = 'tailorbird:recent';
  const VISITOR_KEY = 'tailorbird:visitor';
  const DECISION = /^[0-9a-f-]{36}$/i;

  const shopify = () => window.Shopify ?? {};
  const shopRoot = () => shopify().routes?.root ?? '/';

  async function getJson(url) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}.`);
    return answer.json();
  }

  /* keepalive: the request outlives the page that the click leaves. A lost one costs no sale. */
  function carry(productId, decision) {
    fetch(`${shopRoot()}cart/update.js`, {
      method: 'POST',
      keepalive: true,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ attributes: { [`_tailorbird_${productId}`]: decision } }),
    }).catch(() => {});
  }

  /* The id leaves the address bar at once: a shared link must not credit a friend's purchase to this visit. */
  function carryLanding(productId) {
    const page = new URL(location.href);
    const decision = page.searchParams.get('tb');
    if (!decision) return;
    if (DECISION.test(decision)) carry(productId, decision);
    page.searchParams.delete('tb');
    history.replaceState(history.state, '', page);
  }

  /* True only when Shopify's customer privacy API says so; without it nobody is remembered. */
  function findConsent() {
    return new Promise((resolve) => {
      const answer = () => resolve(shopify().customerPrivacy?.analyticsProcessingAllowed?.() === true);
      if (shopify().customerPrivacy || !shopify().loadFeatures) return answer();
      shopify().loadFeatures([{ name: 'consent-tracking-api', version: '0.1' }], answer);
    });
  }

  /* Storage can be full, blocked or edited by hand: each means "remembers nothing". */
  function stored(task) {
    try {
      return task(localStorage) ?? '';
    } catch {
      return '';
    }
  }
  const forget = () => stored((store) => [RECENT_KEY, VISITOR_KEY].forEach((key) => store.removeItem(key)));
  const getRecent = () => stored((store) => store.getItem(RECENT_KEY)).split(',').filter((id) => /^\d+$/.test(id));

  function noteRecent(productId) {
    const others = getRecent().filter((id) => id !== productId);
    stored((store) => store.setItem(RECENT_KEY, [productId, ...others].slice(0, RECENT_MOST)));
  }

  function getVisitor() {
    const known = stored((store) => store.getItem(VISITOR_KEY));
    if (DECISION.test(known)) return known;
    const visitor = crypto.randomUUID();
    stored((store) => store.setItem(VISITOR_KEY, visitor));
    return visitor;
  }

  /* `sample` is 1234.11 as this shop and market write it: separators, decimals and symbol are read from it. */
  function writeMoney(cents, sample) {
    return sample.replace(/1(\D*)234(?:(\D)11)?/, (_, thousands, point) => {
      const whole = String(point ? Math.floor(cents / 100) : Math.round(cents / 100));
      const grouped = whole.replace(/\B(?=(\d{3})+$)/g, thousands);
      return point ? grouped + point + String(cents % 100).padStart(2, '0') : grouped;
    });
  }

  class Carousel extends HTMLElement {
    connectedCallback() {
      if (this.list) return;
      this.list = this.querySelector('ul');
      for (const type of ['click', 'auxclick']) this.addEventListener(type, this.followed);
      this.offerMoves();
      if (this.dataset.subject) carryLanding(this.dataset.subject);
      if (this.dataset.proxy && !shopify().designMode) this.waitToPersonalise();
    }

    followed(event) {
      const card = event.target.closest('a[href]')?.closest('[data-decision]');
      if (card?.dataset.decision) carry(card.dataset.product, card.dataset.decision);
    }

    offerMoves() {
      const moves = this.querySelector('.tailorbird__moves');
      const update = () => {
        const room = this.list.scrollWidth - this.list.clientWidth;
        const at = Math.abs(this.list.scrollLeft);
        moves.hidden = room < 2;
        moves.firstElementChild.setAttribute('aria-disabled', at < 2);
        moves.lastElementChild.setAttribute('aria-disabled', at > room - 2);
      };
      moves.addEventListener('click', (event) => this.move(event.target.closest('[data-move]')));
      this.list.addEventListener('scroll', update, { passive: true });
      new ResizeObserver(update).observe(this.list);
      update();
    }

    /* Smooth or at once: the style sheet says, by prefers-reduced-motion. */
    move(button) {
      if (!button) return;
      const forward = getComputedStyle(this.list).direction === 'rtl' ? -1 : 1;
      this.list.scrollBy({ left: button.dataset.move * forward * this.list.clientWidth * 0.9 });
    }

    waitToPersonalise() {
      const whenIdle = window.requestIdleCallback ?? ((task) => setTimeout(task, 200));
      const look = (entries, watch) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        watch.disconnect();
        whenIdle(() => this.personalise().catch(() => {}), { timeout: 2000 });
      };
      new IntersectionObserver(look, { rootMargin: '300px' }).observe(this);
    }

    /* Any failure in here leaves the default cards. */
    async personalise() {
      const answer = await getJson(await this.address());
      if (!DECISION.test(answer.decision ?? '')) return;
      const most = this.list.children.length;
      const found = await Promise.all(answer.items.slice(0, most).map((item) => this.card(item, answer.decision)));
      const cards = found.filter(Boolean);
      if (cards.length && !this.isInUse()) this.show(cards, most);
    }

    async address() {
      const { surface, subject, proxy } = this.dataset;
      const query = new URLSearchParams({ surface, format: 'json', limit: this.list.children.length });
      if (subject) query.set('product', subject);
      if (await findConsent()) {
        query.set('visitor', getVisitor());
        if (getRecent().length) query.set('recent', getRecent().join(','));
        if (subject) noteRecent(subject);
      } else forget();
      return `${proxy}/recommendations?${query}`;
    }

    /* The model names products; price, stock and language are asked of the shop, for this market. */
    async card(item, decision) {
      try {
        const product = await getJson(`${shopRoot()}products/${encodeURIComponent(item.handle)}.js`);
        const isShowable = product.available && String(product.id) !== this.dataset.subject;
        return isShowable ? this.fill(product, decision) : null;
      } catch {
        return null;
      }
    }

    fill(product, decision) {
      const card = this.querySelector('template').content.firstElementChild.cloneNode(true);
      const one = (selector) => card.querySelector(selector);
      Object.assign(card.dataset, { product: product.id, decision });
      for (const link of card.querySelectorAll('a')) link.href = `${product.url}?tb=${decision}`;
      one('.tailorbird__link').textContent = product.title;
      for (const name of card.querySelectorAll('.tailorbird__name')) name.textContent = product.title;
      this.fillImage(one, product);
      this.fillPrice(one, product);
      this.fillForm(one, product, decision);
      return card;
    }

    fillImage(one, { title, featured_image: address, media }) {
      one(address ? '.tailorbird__placeholder' : '.tailorbird__image').remove();
      if (!address) return;
      const image = one('.tailorbird__image');
      const at = (width) => `${address}${address.includes('?') ? '&' : '?'}width=${width}`;
      image.alt = media?.[0]?.alt || title;
      image.srcset = `${at(180)} 180w, ${at(360)} 360w, ${at(540)} 540w`;
      image.src = at(360);
    }

    fillPrice(one, product) {
      const now = one('.tailorbird__now');
      const { money, from } = this.dataset;
      if (!now) return;
      const price = writeMoney(product.price, money);
      now.textContent = product.price_varies ? from.replace('@', price) : price;
      const isReduced = product.compare_at_price > product.price;
      if (isReduced) one('s').textContent = writeMoney(product.compare_at_price, money);
      else now.parentElement.replaceChildren(now);
    }

    fillForm(one, product, decision) {
      const form = one('form');
      if (!form) return;
      const isSimple = product.variants.length === 1 && !product.requires_selling_plan;
      (isSimple ? one('.tailorbird__options') : form).remove();
      form.querySelector('[name="id"]').value = product.variants[0].id;
      form.querySelector('[name^="properties"]').value = decision;
    }

    /* A shopper among the cards keeps the ones they see. */
    isInUse() {
      return this.contains(document.activeElement) || this.matches(':hover') || Math.abs(this.list.scrollLeft) > 1;
    }

    /* Defaults fill up; cards are equally tall; scroll snap must not follow a card that moved on. */
    show(cards, most) {
      const shown = cards.map((card) => card.dataset.product);
      const rest = [...this.list.children].filter((card) => !shown.includes(card.dataset.product));
      this.list.replaceChildren(...[...cards, ...rest].slice(0, most));
      this.list.scrollTo({ left: 0, behavior: 'instant' });
    }
  }

  const start = () => customElements.get('tailorbird-carousel') || customElements.define('tailorbird-carousel', Carousel);
  document.addEventListener('visitorConsentCollected', ({ detail }) => detail?.analyticsAllowed || forget());
  /* Defined while the page is still read, an element would be met without its children. */
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();
