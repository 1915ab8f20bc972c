/**
 * `Shopify.loadFeatures` and the Customer Privacy API, as Shopify puts them on each storefront page.
 *
 * Nothing of the API is there before it was loaded. Where the visitor's region
 * asks for consent, what was not answered is not allowed.
 */
const CONSENT_FEATURE = 'consent-tracking-api';
const CONSENT_COOKIE = '_tracking_consent';
const CONSENT_SECONDS = 365 * 24 * 3600;

/** Purposes by the letter that the cookie has for each. */
const PURPOSES = { analytics: 'a', marketing: 'm', preferences: 'p', sale_of_data: 's' };
const WORDS = { 1: 'yes', 0: 'no' };

/** How the region stands: whether it asks for consent, and what was answered before the first page. */
const region = JSON.parse(document.currentScript?.dataset.region ?? '{"isRequired":false,"answer":""}');

function readConsent() {
  const kept = /(?:^|; )_tracking_consent=([^;]*)/.exec(document.cookie)?.[1];
  const letters = kept ? JSON.parse(decodeURIComponent(kept)).con.CMP : {};
  return Object.fromEntries(Object.entries(PURPOSES).map(([purpose, letter]) => [purpose, kept ? WORDS[letters[letter]] ?? '' : region.answer]));
}

function writeConsent(consent) {
  const letters = Object.fromEntries(Object.entries(PURPOSES).map(([purpose, letter]) => [letter, { yes: '1', no: '0' }[consent[purpose]] ?? '']));
  const value = encodeURIComponent(JSON.stringify({ con: { CMP: letters }, v: '2.1' }));
  document.cookie = `${CONSENT_COOKIE}=${value}; Path=/; Max-Age=${CONSENT_SECONDS}; SameSite=Lax`;
}

export function isAllowed(purpose) {
  const answer = readConsent()[purpose];
  return region.isRequired ? answer === 'yes' : answer !== 'no';
}

async function setTrackingConsent(wanted, done = () => {}) {
  if (wanted === null || typeof wanted !== 'object') {
    done({ error: 'setTrackingConsent must be called with an object of consent values.' });
    return;
  }
  const answers = Object.keys(PURPOSES).filter((purpose) => typeof wanted[purpose] === 'boolean');
  writeConsent({ ...readConsent(), ...Object.fromEntries(answers.map((purpose) => [purpose, wanted[purpose] ? 'yes' : 'no'])) });
  // Shopify writes the answer with a request: nobody hears of it in the same turn.
  await Promise.resolve();
  document.dispatchEvent(new CustomEvent('visitorConsentCollected', { detail: describeConsent() }));
  done();
}

function describeConsent() {
  return {
    analyticsAllowed: isAllowed('analytics'),
    marketingAllowed: isAllowed('marketing'),
    preferencesAllowed: isAllowed('preferences'),
    saleOfDataAllowed: isAllowed('sale_of_data'),
    firstPartyMarketingAllowed: isAllowed('marketing'),
    thirdPartyMarketingAllowed: isAllowed('marketing') && isAllowed('sale_of_data'),
  };
}

const customerPrivacy = Object.freeze({
  analyticsProcessingAllowed: () => isAllowed('analytics'),
  marketingAllowed: () => isAllowed('marketing'),
  preferencesProcessingAllowed: () => isAllowed('preferences'),
  saleOfDataAllowed: () => isAllowed('sale_of_data'),
  currentVisitorConsent: readConsent,
  setTrackingConsent,
  shouldShowBanner: () => region.isRequired && Object.values(readConsent()).every((answer) => answer === ''),
});

/** Load each feature, then call back: without an argument, or with what went wrong. */
async function loadFeatures(features, done = () => {}) {
  await new Promise((resolve) => { setTimeout(resolve); });
  const unknown = features.find(({ name }) => name !== CONSENT_FEATURE);
  if (unknown) {
    done(new Error(`Feature ${unknown.name} is not one of the local Shopify.`));
    return;
  }
  window.Shopify.customerPrivacy = customerPrivacy;
  for (const { onLoad } of features) onLoad?.();
  done();
}

window.Shopify = { ...window.Shopify, loadFeatures };
