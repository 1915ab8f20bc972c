/*
 * Progressive help for the theme, which works without it:
 * adding to the cart stays on the page, selects apply at once, a variant shows its price.
 */
(() => {
  const notice = document.querySelector('[data-cart-notice]');
  const { root } = window.Shopify.routes;
  const NOTICE_MS = 6000;
  const CONFLICT_MS = 200;
  let noticeTimer;

  function showCount(count) {
    const bubble = document.querySelector('[data-cart-count]');
    bubble.textContent = count;
    bubble.hidden = count === 0;
    document.querySelector('[data-cart-link]').setAttribute('aria-label', `Cart, ${count} ${count === 1 ? 'item' : 'items'}`);
  }

  function showNotice(line) {
    const image = notice.querySelector('[data-notice-image]');
    image.src = `${line.image}?width=180`;
    notice.querySelector('[data-notice-name]').textContent = line.title;
    notice.hidden = false;
    clearTimeout(noticeTimer);
    noticeTimer = setTimeout(() => { notice.hidden = true; }, NOTICE_MS);
  }

  async function refreshCount() {
    const cart = await (await fetch(`${root}cart.js`)).json();
    showCount(cart.item_count);
    return cart;
  }

  // Whoever changes the cart by a standard action sees it on the page, as if by the theme's own forms.
  document.addEventListener('DOMContentLoaded', () => {
    window.Shopify.actions.updateCart.configure({
      async handler(defaultHandler, { lines = [] }) {
        const result = await defaultHandler();
        const cart = await refreshCount();
        const isAdded = lines.some(({ merchandiseId }) => merchandiseId !== undefined);
        if (isAdded && !result.userErrors) showNotice(cart.items[0]);
        return result;
      },
    });
  });

  function showError(form, message) {
    const place = form.querySelector('[data-form-error]');
    if (!place) return form.submit();
    place.textContent = message;
    place.hidden = !message;
    return undefined;
  }

  // Another change of the cart may be under way: then the same is asked for again, a few times.
  async function postToCart(form, triesLeft = 3) {
    const answer = await fetch(`${root}cart/add.js`, { method: 'POST', body: new FormData(form), headers: { Accept: 'application/json' } });
    if (answer.status !== 409 || triesLeft === 0) return answer;
    await new Promise((resolve) => { setTimeout(resolve, CONFLICT_MS); });
    return postToCart(form, triesLeft - 1);
  }

  async function addToCart(form, button) {
    const answer = await postToCart(form);
    const body = await answer.json();
    if (!answer.ok) return showError(form, body.description);
    await refreshCount();
    showNotice(body);
    button?.focus();
    return undefined;
  }

  document.addEventListener('submit', (event) => {
    const form = event.target;
    // A button that leads elsewhere ("Buy it now") is the browser's.
    if (event.defaultPrevented || event.submitter?.hasAttribute('formaction') || !form.matches('form[action$="/cart/add"]')) return;
    event.preventDefault();
    const button = event.submitter;
    button?.setAttribute('aria-busy', 'true');
    const place = form.querySelector('[data-form-error]');
    if (place) place.hidden = true;
    // Without an answer the browser's own way of sending the form is tried.
    addToCart(form, button).catch(() => form.submit()).finally(() => button?.removeAttribute('aria-busy'));
  });

  document.addEventListener('change', (event) => {
    if (event.target.matches('[data-submit-on-change]')) event.target.form.requestSubmit();
    if (event.target.matches('[data-variant-select]')) showVariant(event.target);
  });

  function showVariant(select) {
    document.querySelector('[data-product-price] .price').textContent = select.selectedOptions[0].dataset.price;
    const page = new URL(location.href);
    page.searchParams.set('variant', select.value);
    history.replaceState(history.state, '', page);
  }

  const consent = document.querySelector('[data-consent]');
  window.Shopify.loadFeatures([{ name: 'consent-tracking-api', version: '0.1' }], (error) => {
    if (error) throw error;
    consent.hidden = !window.Shopify.customerPrivacy.shouldShowBanner();
  });
  consent.addEventListener('click', ({ target }) => {
    const answer = target.dataset.consentAnswer;
    if (!answer) return;
    const isGiven = answer === 'yes';
    window.Shopify.customerPrivacy.setTrackingConsent({ analytics: isGiven, marketing: isGiven, preferences: isGiven, sale_of_data: isGiven }, () => { consent.hidden = true; });
  });

  notice.querySelector('[data-notice-close]').addEventListener('click', () => { notice.hidden = true; });
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') notice.hidden = true; });
})();
