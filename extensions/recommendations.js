/*
 * Progressive help for the carousel, whose markup works without it:
 * 1. buttons that scroll the list;
 * 2. no product twice on a page, and none that lies in the cart already;
 * 3. adding to the cart without leaving the page;
 * 4. with consent to analytics, a click on a card is told to the cart, so that an order can name its decision;
 * 5. with consent to preferences, and where the merchant asked for it, a personal order replaces the default;
 * 6. with that consent, where the merchant holds out a share of the visitors, those see what is popular;
 * 7. with consent to analytics, what is seen, clicked and added is published to Shopify's analytics, where our pixel hears it;
 * 8. while a rollout is on, whose list recommendation-arm.liquid has chosen: who is compared tells that they met it.
 */
(() => {
  const DEADLINE_MS = 800;
  const TOLD_MS = 8000;
  const SEEN_MS = 1000;
  const SEEN_SHARE = 0.5;
  const GATHER_MS = 100; // cards of one row are seen together and told together
  const RECENT_MOST = 20;
  const LISTED_MOST = 50; // products that one list of a request may name
  const CLICKS_MOST = 10;
  const CONFLICT_WAITS_MS = [150, 400, 1000];
  const CART_MS = { read: 5000, tell: 3000, add: 15_000 }; // a cart that never answers must hold up nothing
  const CLOCK_TOLERANCE_MS = 30_000;
  const RECENT_KEY = 'tailorbird:recent';
  const VISITOR_KEY = 'tailorbird:visitor';
  const CLICKS_KEY = 'tailorbird:clicks';
  const CARTED_KEY = 'tailorbird:carted';
  const GROUPED_KEY = 'tailorbird:grouped';
  const EXPOSED_KEY = 'tailorbird:exposed';
  const LOOK_KEY = 'tailorbird:look';
  const ATTRIBUTE = '_tailorbird';
  const DECISION = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  const CLICK = /^[0-9a-f-]{36}:[1-9]\d{0,17}:[1-9]\d{9}:[ca]$/; // decision:product:unix second:click or add

  const shopify = () => window.Shopify ?? {};
  const shopRoot = () => shopify().routes?.root ?? '/';
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const within = (ms, promise) => Promise.race([promise, pause(ms).then(() => Promise.reject(new Error(`No answer within ${ms} ms.`)))]);
  // A function: in a string that replaces, `$&` and the like of a title would be read as patterns.
  const put = (words, text) => words.replace('@', () => text);

  /* Consent: only what Shopify's Customer Privacy API allows, once it is there to be asked. */

  const declined = new Set();
  /* An API that fails has not said yes. */
  function allows(purpose) {
    try {
      return !declined.has(purpose) && shopify().customerPrivacy?.[`${purpose}ProcessingAllowed`]?.() === true;
    } catch {
      return false;
    }
  }

  function loadPrivacy() {
    return new Promise((resolve) => {
      if (shopify().customerPrivacy || !shopify().loadFeatures) resolve();
      else shopify().loadFeatures([{ name: 'consent-tracking-api', version: '0.1' }], resolve);
    }).catch(() => {});
  }

  function consentGiven({ detail }) {
    for (const purpose of ['analytics', 'preferences']) {
      if (detail?.[`${purpose}Allowed`] === false) declined.add(purpose);
      else declined.delete(purpose);
    }
    obeyConsent();
    for (const carousel of carousels()) carousel.obeyConsent();
  }

  function obeyConsent() {
    if (!allows('preferences')) forget();
    cartRead.then(syncClicks);
    for (const card of inView.keys()) startSeeing(card);
  }

  /* Storage can be full, blocked or edited by hand: each means "remembers nothing". */
  function stored(task) {
    try {
      return task(localStorage) ?? '';
    } catch {
      return '';
    }
  }
  const read = (key) => stored((store) => store.getItem(key));
  const keep = (key, value) => allows('preferences') && stored((store) => store.setItem(key, value));
  const drop = (...keys) => stored((store) => keys.forEach((key) => store.removeItem(key)));
  const forget = () => drop(RECENT_KEY, VISITOR_KEY, CLICKS_KEY, CARTED_KEY, GROUPED_KEY, EXPOSED_KEY);

  const getRecent = () => read(RECENT_KEY).split(',').filter((id) => /^\d+$/.test(id));
  const noteRecent = (productId) =>
    keep(RECENT_KEY, [productId, ...getRecent().filter((id) => id !== productId)].slice(0, RECENT_MOST).join());

  function getVisitor() {
    const known = read(VISITOR_KEY);
    if (DECISION.test(known)) return known;
    const visitor = crypto.randomUUID();
    keep(VISITOR_KEY, visitor);
    return visitor;
  }

  /*
   * The draw of visitors into groups, at once and without asking anybody: MurmurHash3 (x86, 32 bits, seed 0), scaled.
   * Our servers draw by the same one; tests/bucketing.json holds what both must give.
   */
  const BUCKETS = 10_000;
  const rotate = (word, bits) => (word << bits) | (word >>> (32 - bits));
  const scramble = (word) => Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
  function bucket(salt, unit) {
    const bytes = new TextEncoder().encode(`${salt}:${unit}`);
    const word = (at) => [3, 2, 1, 0].reduce((found, place) => (found << 8) | (bytes[at + place] ?? 0), 0);
    const tail = bytes.length & ~3;
    let hash = 0;
    for (let at = 0; at < tail; at += 4) hash = Math.imul(rotate(hash ^ scramble(word(at)), 13), 5) + 0xe6546b64;
    hash ^= scramble(word(tail)) ^ bytes.length;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return Math.floor((((hash ^ (hash >>> 16)) >>> 0) * BUCKETS) / 2 ** 32);
  }

  /* The cart */

  let clockOffset = 0;
  let cartRead; // promises, once a page
  let privacyLoaded;
  const inCart = new Set();
  let turn = Promise.resolve();

  async function getJson(url) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}.`);
    return answer.json();
  }

  /* A click's moment is compared with our clock and Shopify's, which a shopper's may be far from. */
  async function readCart() {
    const answer = await within(CART_MS.read, fetch(`${shopRoot()}cart.js`));
    const offset = Date.parse(answer.headers.get('date')) - Date.now();
    if (Math.abs(offset) > CLOCK_TOLERANCE_MS) clockOffset = offset;
    const cart = await answer.json();
    for (const item of cart.items) inCart.add(String(item.product_id));
    return cart;
  }

  /* One after the other: Shopify answers 409 where changes of a cart overlap, ours or those of others. */
  function changeCart(send, isConflict, limitMs, beforeRetry = () => {}) {
    const attempt = async (waits) => {
      const answer = await within(limitMs, send());
      if (!isConflict(answer) || !waits.length) return answer;
      await pause(waits[0] * (0.5 + Math.random()));
      await beforeRetry();
      return attempt(waits.slice(1));
    };
    turn = turn.catch(() => {}).then(() => attempt(CONFLICT_WAITS_MS));
    return turn;
  }

  /* keepalive: the request outlives the page that a click leaves. The body is that of the moment it is sent. */
  function post(action, makeBody, limitMs, beforeRetry) {
    const send = () =>
      fetch(`${shopRoot()}cart/${action}.js`, {
        method: 'POST',
        keepalive: true,
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify(makeBody()),
      });
    return changeCart(send, (answer) => answer.status === 409, limitMs, beforeRetry);
  }

  /* Clicks: in the cart, and with consent to preferences in the browser too, so that no tab overwrites another's. */

  let clicks = [];
  let isCarted = false; // the cart had clicks while this page was open
  const withdrawn = new Set();
  const parseClicks = (text) => String(text ?? '').split(' ').filter((click) => CLICK.test(click));
  const secondOf = (click) => Number(click.split(':')[2]);

  /* Newest first, each card's newest only. */
  function mergeClicks(...lists) {
    const seen = new Set();
    const isNew = (click) => {
      const key = click.replace(/:\d{10}:/, ':');
      return !seen.has(key) && seen.add(key);
    };
    return lists.flat().sort((one, other) => secondOf(other) - secondOf(one)).filter(isNew).slice(0, CLICKS_MOST);
  }

  const heldClicks = () => mergeClicks(clicks, allows('preferences') ? parseClicks(read(CLICKS_KEY)) : []);
  const toldIn = (cart) => parseClicks(cart?.attributes?.[ATTRIBUTE]).filter((click) => !withdrawn.has(click));

  function holdClicks(list) {
    clicks = list;
    if (list.length) keep(CLICKS_KEY, list.join(' '));
    else drop(CLICKS_KEY);
  }

  async function sendClicks() {
    const body = () => ({ attributes: { [ATTRIBUTE]: allows('analytics') ? heldClicks().join(' ') : '' } });
    // Whoever was first may be another tab, whose click the attribute must keep.
    const mergeTold = () => readCart().then((cart) => allows('analytics') && holdClicks(mergeClicks(toldIn(cart), heldClicks())), () => {});
    const answer = await post('update', body, CART_MS.tell, mergeTold).catch(() => null);
    if (answer?.ok) noteCarted();
  }

  function noteCarted() {
    isCarted = true;
    keep(CARTED_KEY, '1');
  }

  /* A decision's id begins with its millisecond: a slow clock must not put a click before it. */
  function secondNow(decision) {
    const made = decision[14] === '7' ? parseInt(decision.replace('-', '').slice(0, 12), 16) : 0;
    return Math.floor(Math.max(Date.now() + clockOffset, made) / 1000);
  }

  async function noteClick(card, how) {
    const { decision, product } = card?.dataset ?? {};
    if (!decision || isWatcher() || !allows('analytics')) return null;
    const click = `${decision}:${product}:${secondNow(decision)}:${how}`;
    holdClicks(mergeClicks([click], heldClicks()));
    if (how === 'c') publish('click', { decision, product });
    await sendClicks();
    return click;
  }

  function takeBack(click) {
    if (!click) return;
    withdrawn.add(click);
    holdClicks(heldClicks().filter((one) => one !== click));
    sendClicks();
  }

  /*
   * A cart that had clicks and has none is another cart: what was clicked for the last one is not told to it.
   * Of a cart that could not be read (null) nothing of the kind is known.
   */
  function syncClicks(cart) {
    const told = toldIn(cart);
    if (!allows('analytics')) {
      const isTold = told.length || clicks.length;
      holdClicks([]);
      drop(CARTED_KEY);
      // What was cleared is not to come back with a consent that is given later on this page.
      if (cart?.attributes) delete cart.attributes[ATTRIBUTE];
      if (isTold && shopify().customerPrivacy) sendClicks();
      return;
    }
    if (cart && !told.length && read(CARTED_KEY)) drop(CLICKS_KEY, CARTED_KEY);
    if (told.length) noteCarted();
    holdClicks(mergeClicks(told, heldClicks()));
    if (clicks.some((click) => !told.includes(click))) sendClicks();
  }

  /*
   * A merchant looks at one version: signed in the address, kept for this tab until its hour is over. An empty `canary=` ends it.
   * Only our server can tell whether the signature is good; here it says which of the page's own two lists to show.
   */
  const look = readLook();

  function readLook() {
    const asked = new URLSearchParams(location.search).get('canary');
    try {
      if (asked !== null) sessionStorage.setItem(LOOK_KEY, asked);
      return lookOf(sessionStorage.getItem(LOOK_KEY));
    } catch {
      return lookOf(asked);
    }
  }

  function lookOf(token) {
    try {
      const said = JSON.parse(atob(token.split('.')[0].replace(/-/g, '+').replace(/_/g, '/')));
      return Date.now() < said.until * 1000 ? { ...said, token } : {};
    } catch {
      return {};
    }
  }

  /* Whoever edits the shop or looks at a version is no shopper: nothing of them is told. */
  const isWatcher = () => shopify().designMode || look.token;

  /* Signals: Shopify's analytics hands them to our pixel, which asks for consent once more. */

  function publish(name, data) {
    if (isWatcher() || !allows('analytics')) return;
    try {
      shopify().analytics?.publish?.(`tailorbird:${name}`, data);
    } catch (error) {
      console.warn(error);
    }
  }

  /* Once a day a browser: its bucket alone, which says neither who it is nor what it saw. */
  function tellDaily(key, name, data) {
    const told = new Date().toISOString().slice(0, 10) + (data.rollout ?? '');
    if (!allows('analytics') || read(key) === told) return;
    keep(key, told);
    publish(name, data);
  }

  /* A card is seen once half of it was in view for a second, in a tab that is looked at; it is told once a page view. */
  const inView = new Map(); // card → its timer
  const seen = new Set();
  let untold = {}; // decision → products

  const sight = new IntersectionObserver((entries) => {
    for (const { target, intersectionRatio } of entries) {
      if (intersectionRatio >= SEEN_SHARE) startSeeing(target);
      else stopSeeing(target);
    }
  }, { threshold: SEEN_SHARE });

  function startSeeing(card) {
    clearTimeout(inView.get(card));
    inView.set(card, document.hidden ? 0 : setTimeout(noteSeen, SEEN_MS, card));
  }

  function stopSeeing(card) {
    clearTimeout(inView.get(card));
    inView.delete(card);
  }

  function noteSeen({ dataset: { decision, product } }) {
    const key = `${decision}:${product}`;
    if (!decision || seen.has(key) || !allows('analytics')) return;
    seen.add(key);
    if (!Object.keys(untold).length) setTimeout(tellSeen, GATHER_MS);
    (untold[decision] ??= []).push(product);
  }

  function tellSeen() {
    for (const [decision, products] of Object.entries(untold)) publish('impression', { decision, products });
    untold = {};
  }

  function turned() {
    if (document.hidden) tellSeen();
    for (const card of inView.keys()) startSeeing(card);
    // Nothing is kept in the browser then: only the cart knows what another tab has told it.
    if (!document.hidden && allows('analytics') && !allows('preferences')) lookAgain();
  }

  /* Adding to the cart: by the storefront's actions, else by the Ajax API and what Shopify's own themes offer. */

  class Refused extends Error {}

  function addToCart(variantId, card) {
    return shopify().actions?.updateCart ? addByAction(shopify().actions, variantId) : addByAjax(variantId, card);
  }

  /* A conflict is told in one of two ways: as an error of the change, or by a promise that is rejected. */
  async function addByAction(actions, variantId) {
    const lines = [{ merchandiseId: `gid://shopify/ProductVariant/${variantId}`, quantity: 1 }];
    const { error, userErrors = [], warnings = [] } = await changeCart(
      () => actions.updateCart({ lines }, { event: { context: 'product' } }).catch((error) => ({ error })),
      (result) => result.userErrors?.some(({ code }) => code === 'CONFLICT') || /conflict|\b409\b/i.test(result.error?.message),
      CART_MS.add,
    );
    if (error) throw error;
    const [problem] = [...userErrors, ...warnings];
    if (problem) throw new Refused(problem.message);
    // Where neither the theme says how to open its cart nor a drawer is known, it would lead to the cart's page.
    const hasDrawer = document.querySelector('cart-drawer-component, cart-drawer');
    if (hasDrawer || actions.openCart?.isDefault?.() === false) await actions.openCart();
  }

  async function addByAjax(variantId, card) {
    const drawer = document.querySelector('cart-drawer, cart-notification');
    const sections = drawer?.getSectionsToRender?.().map(({ id }) => id) ?? [];
    const body = { id: Number(variantId), quantity: 1, sections, sections_url: location.pathname };
    const sent = post('add', () => body, CART_MS.add);
    announceAdding(card, variantId, sent);
    const answer = await sent;
    const line = await answer.json();
    // Shopify's description can be a table of fields too.
    if (!answer.ok) throw new Refused([line.description, line.message].find((words) => typeof words === 'string') ?? '');
    showInTheme(drawer, line);
  }

  function announceAdding(card, variantId, promise) {
    const lines = [{ merchandiseId: `gid://shopify/ProductVariant/${variantId}`, quantity: 1 }];
    const event = new Event('shopify:cart:lines-update', { bubbles: true });
    card.dispatchEvent(Object.assign(event, { action: 'add', context: 'product', lines, promise }));
  }

  /* The product is in the cart by now: a theme that can't show it must not make that look like a failure. */
  function showInTheme(drawer, line) {
    document.documentElement.dispatchEvent(new CustomEvent('cart:refresh', { bubbles: true }));
    try {
      drawer?.classList.remove('is-empty');
      drawer?.renderContents?.(line);
    } catch (error) {
      console.warn(error);
    }
  }

  /* `sample` is 1234.11 as this shop and market write it: separators, decimals and symbol are read from it. */
  function writeMoney(cents, sample) {
    return sample.replace(/1(\D*)234(?:(\D)11)?/, (_, thousands, point) => {
      const whole = String(point ? Math.floor(cents / 100) : Math.round(cents / 100));
      const grouped = whole.replace(/\B(?=(\d{3})+$)/g, thousands);
      return point ? grouped + point + String(cents % 100).padStart(2, '0') : grouped;
    });
  }

  const carousels = () => [...document.querySelectorAll('tailorbird-carousel')].filter((one) => one.list);
  const productOf = (card) => card.dataset.product;

  class Carousel extends HTMLElement {
    static bucket = bucket;

    connectedCallback() {
      if (this.list) return;
      const cardsOf = (kind, of = this) => [...(of.querySelector(`.tailorbird__${kind}`)?.content.children ?? [])];
      this.chooseArm();
      this.showLook();
      this.list = this.querySelector('ul');
      // Where the page allows no script in it, the rollout's still stands in the list.
      const shown = [...this.list.children].filter(productOf);
      this.most = shown.length;
      const chosen = this.dataset.arm === 'candidate' ? this.querySelector('.tailorbird__candidate').content : this;
      this.defaults = [...shown, ...cardsOf('spare', chosen)];
      this.popular = cardsOf('popular');
      this.personal = [];
      for (const type of ['click', 'auxclick']) this.addEventListener(type, this.followed);
      this.status = this.querySelector('.tailorbird__status');
      // A page from before this script, still in a cache, has no such place: its forms are sent as they are.
      if (this.status) this.addEventListener('submit', this.submitted);
      this.offerMoves();
      this.arrange();
      this.isNear = this.watch();
      start();
      privacyLoaded.then(() => this.obeyConsent());
    }

    /* In a section that a theme loads by a script of its own, the rollout's did not run: else a visitor would change arms. */
    chooseArm() {
      const waiting = this.querySelector('ul > script');
      if (!waiting) return;
      const script = document.createElement('script');
      script.text = waiting.text;
      waiting.replaceWith(script);
    }

    /* The two lists change places, as where the rollout's own script chose the other one. */
    showLook() {
      const { rollout, arm } = this.dataset;
      if (!rollout || look.rollout !== rollout) return;
      this.dataset.arm = look.arm;
      if ((arm === 'candidate') === (look.arm === 'candidate')) return;
      const list = this.querySelector('ul');
      const { content } = this.querySelector('.tailorbird__candidate');
      const other = content.querySelector('ul') ?? list.cloneNode();
      if (!other.firstElementChild) other.append(...content.querySelectorAll('li'));
      list.replaceWith(other);
      content.append(list);
    }

    followed(event) {
      const card = event.target.closest('a[href]')?.closest('[data-decision]');
      // The right button opens a menu and follows nothing.
      if (event.button < 2) noteClick(card, 'c');
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

    /* What the blocks above show is not shown again; cards are equally tall, so a change moves nothing. */
    arrange() {
      const taken = new Set([...inCart, ...this.shownAbove()]);
      const fitting = [];
      for (const card of this.isHeldOut ? this.popular : [...this.personal, ...this.defaults]) {
        if (taken.has(productOf(card)) || fitting.length === this.most) continue;
        taken.add(productOf(card));
        fitting.push(card);
      }
      this.hidden = !fitting.length;
      if (fitting.some((card, place) => card !== this.list.children[place]) || fitting.length !== this.list.children.length) {
        this.list.replaceChildren(...fitting);
        // Scroll snap must not follow a card that moved on.
        this.list.scrollTo({ left: 0, behavior: 'instant' });
      }
      for (const card of fitting) sight.observe(card);
    }

    shownAbove() {
      const all = carousels();
      return all.slice(0, all.indexOf(this)).flatMap((one) => [...one.list.children].map(productOf));
    }

    /* A shopper among the cards keeps the ones they see. */
    isInUse() {
      return this.contains(document.activeElement) || this.matches(':hover') || Math.abs(this.list.scrollLeft) > 1;
    }

    async submitted(event) {
      event.preventDefault();
      // A theme that listens to every form would add the product once more.
      event.stopPropagation();
      const button = event.target.querySelector('button');
      if (button.getAttribute('aria-disabled') === 'true') return;
      button.setAttribute('aria-disabled', 'true');
      this.tell(await this.add(event.target.elements.id.value, event.target.closest('li')));
      button.removeAttribute('aria-disabled');
    }

    /* The click first: the theme may load the page anew once the product is in the cart. */
    async add(variantId, card) {
      const { added, failed } = this.status.dataset;
      const click = await noteClick(card, 'a');
      try {
        await addToCart(variantId, card);
        if (click) publish('add', { decision: card.dataset.decision, product: productOf(card) });
        inCart.add(productOf(card));
        return put(added, card.querySelector('.tailorbird__link').textContent);
      } catch (error) {
        takeBack(click);
        return error instanceof Refused && error.message ? error.message : failed;
      }
    }

    tell(words) {
      this.status.textContent = words;
      clearTimeout(this.telling);
      this.telling = setTimeout(() => this.status.replaceChildren(), TOLD_MS);
    }

    watch() {
      const whenIdle = window.requestIdleCallback ?? ((task) => setTimeout(task, 200));
      return new Promise((resolve) => {
        const look = (entries, observer) => {
          if (!entries.some((entry) => entry.isIntersecting)) return;
          observer.disconnect();
          whenIdle(resolve, { timeout: 2000 });
        };
        new IntersectionObserver(look, { rootMargin: '300px' }).observe(this);
      });
    }

    obeyConsent() {
      this.joinGroup();
      this.isNear.then(() => this.meetRollout());
      if (allows('preferences')) this.personalise().catch(() => {});
      else if (this.isAsked) this.setPersonal([], false);
      this.isAsked = allows('preferences');
    }

    /* Where a merchant measures what recommendations add: those who are held out see what is popular. */
    joinGroup() {
      const { holdout, salt } = this.dataset;
      if (!this.popular.length || isWatcher()) return;
      const visitor = allows('preferences') && getVisitor();
      // Who can't be remembered would be drawn anew on every page.
      const place = visitor && read(VISITOR_KEY) === visitor ? bucket(salt, visitor) : BUCKETS;
      const isHeldOut = place < (holdout * BUCKETS) / 100;
      if (isHeldOut !== Boolean(this.isHeldOut) && !this.isInUse()) {
        this.isHeldOut = isHeldOut;
        arrangeFrom(this);
      }
      if (place < BUCKETS) tellDaily(GROUPED_KEY, 'group', { bucket: place });
    }

    /* Who may be remembered from now on is drawn by the next page. */
    meetRollout() {
      const { rollout, bucket: place } = this.dataset;
      if (!rollout || look.token || !allows('preferences')) return;
      getVisitor();
      if (place && this.isInRollout()) tellDaily(EXPOSED_KEY, 'exposure', { rollout, bucket: Number(place) });
    }

    isInRollout() {
      return this.dataset.arm && Date.now() < this.dataset.until * 1000;
    }

    setPersonal(cards, isPersonal) {
      const heading = this.querySelector('.tailorbird__heading');
      this.heading ??= heading.textContent;
      heading.textContent = (isPersonal && heading.dataset.personal) || this.heading;
      this.personal = cards;
      arrangeFrom(this);
    }

    /* Any failure in here leaves the default cards. */
    async personalise() {
      if (!this.dataset.proxy || shopify().designMode || this.isAsked || this.isHeldOut) return;
      await Promise.all([this.isNear, cartRead]);
      if (!allows('preferences')) return;
      const answer = await getJson(this.address());
      if (!DECISION.test(answer.decision ?? '')) return;
      const found = await Promise.all(answer.items.slice(0, this.most).map((item) => this.card(item, answer.decision)));
      const cards = found.filter(Boolean);
      if (cards.length && allows('preferences') && !this.isInUse()) this.setPersonal(cards, answer.personal === true);
    }

    address() {
      const { surface, subject, page, proxy, rollout, share } = this.dataset;
      const consent = ['analytics', 'preferences'].filter(allows);
      const query = new URLSearchParams({ surface, consent, format: 'json', limit: this.most, visitor: getVisitor() });
      // The order is of the version whose list this page chose.
      query.set('rollout', this.isInRollout() ? `${rollout}:${share}` : 'none');
      if (look.token) query.set('canary', look.token);
      const lists = { cart: [...inCart], recent: getRecent(), exclude: [page, ...this.shownAbove()].filter((id) => id && id !== subject) };
      for (const [name, ids] of Object.entries(lists)) {
        if (ids.length) query.set(name, ids.slice(0, LISTED_MOST));
      }
      if (subject) query.set('product', subject);
      if (page) noteRecent(page);
      return `${proxy}/recommendations?${query}`;
    }

    /* The model names products; price, stock and language are asked of the shop, for this market. */
    async card(item, decision) {
      try {
        const product = await getJson(`${shopRoot()}products/${encodeURIComponent(item.handle)}.js`);
        const isHere = [this.dataset.subject, this.dataset.page].includes(String(product.id));
        return product.available && !isHere ? this.fill(product, decision) : null;
      } catch {
        return null;
      }
    }

    fill(product, decision) {
      const card = this.querySelector('.tailorbird__blank').content.firstElementChild.cloneNode(true);
      const one = (selector) => card.querySelector(selector);
      Object.assign(card.dataset, { product: product.id, decision });
      for (const link of card.querySelectorAll('a')) link.href = product.url;
      one('.tailorbird__link').textContent = product.title;
      for (const name of card.querySelectorAll('.tailorbird__name')) name.textContent = product.title;
      this.fillImage(one, product);
      this.fillPrice(one, product);
      this.fillForm(one, product);
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
      now.textContent = product.price_varies ? put(from, price) : price;
      const isReduced = product.compare_at_price > product.price;
      if (isReduced) one('s').textContent = writeMoney(product.compare_at_price, money);
      else now.parentElement.replaceChildren(now);
    }

    fillForm(one, product) {
      const form = one('form');
      if (!form) return;
      const isSimple = product.variants.length === 1 && !product.requires_selling_plan;
      (isSimple ? one('.tailorbird__options') : form).remove();
      form.querySelector('[name="id"]').value = product.variants[0].id;
    }
  }

  /* A block that changed leaves others free, or taken, for those below it. */
  function arrangeFrom(first) {
    const all = carousels();
    for (const carousel of all.slice(all.indexOf(first))) carousel.arrange();
  }

  /* The cart may differ from what a cached page shows. */
  function lookIntoCart() {
    cartRead = readCart().catch(() => null);
    cartRead.then(() => carousels().forEach((carousel) => carousel.isInUse() || carousel.arrange()));
  }

  /* After what this page is telling the cart, so that the answer holds it. */
  function lookAgain() {
    cartRead = turn.catch(() => {}).then(readCart).catch(() => null);
    cartRead.then((cart) => {
      if (cart && isCarted && !toldIn(cart).length) [clicks, isCarted] = [[], false];
      syncClicks(cart);
    });
  }

  /* Back from another page this one is as it was left: what was clicked, bought or decided there is not known here. */
  function shown({ persisted }) {
    if (!persisted) return;
    inCart.clear();
    seen.clear();
    clicks = [];
    lookIntoCart();
    obeyConsent();
    for (const carousel of carousels()) carousel.obeyConsent();
  }

  /* Once a page. */
  function start() {
    if (cartRead) return;
    lookIntoCart();
    privacyLoaded = loadPrivacy();
    privacyLoaded.then(obeyConsent);
    document.addEventListener('visitorConsentCollected', consentGiven);
    document.addEventListener('visibilitychange', turned);
    window.addEventListener('focus', () => document.hidden || turned());
    window.addEventListener('pageshow', shown);
  }

  const define = () => customElements.get('tailorbird-carousel') || customElements.define('tailorbird-carousel', Carousel);
  /* Defined while the page is still read, an element would be met without its children. */
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', define);
  else define();
})();
