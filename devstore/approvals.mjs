/**
 * What Shopify has approved the app for: customer data by level, and scopes
 * that are asked for in the Partner Dashboard before they may be declared.
 *
 * Stores of developers are exempt on Shopify, so tests on those prove nothing
 * here; the shops of the devstore are not exempt.
 */
import { BadConfig } from './config.mjs';

/** Something that needs an approval which the app does not have. */
export class NotApproved extends Error {}

/** Scopes that Shopify grants on request only. */
const SCOPES_ON_REQUEST = new Set([
  'read_all_orders', 'read_customer_payment_methods', 'read_own_subscription_contracts', 'write_own_subscription_contracts', 'read_users',
]);

/** Topics whose bodies hold customers' data. */
const PROTECTED_GROUPS = new RegExp(`^(?:${[
  'carts', 'checkouts', 'companies', 'company_contact_roles', 'company_contacts', 'company_locations', 'customer_groups', 'customer_payment_methods',
  'customers', 'customers_\\w+', 'disputes', 'draft_orders', 'fulfillment_events', 'fulfillments', 'order_transactions', 'orders', 'refunds',
  'subscription_billing_attempts', 'tender_transactions',
].join('|')})/|^customer\\.tags_`);
const PROTECTED_TOPICS = new Set(['audit_events/admin_api_activity', 'reverse_deliveries/attach_deliverable']);

/** Topics of those groups without customers' data, as Shopify lists them. */
const UNPROTECTED_TOPICS = new Set([
  'carts/delete', 'checkouts/delete', 'companies/delete', 'customer_groups/update', 'company_contacts/delete', 'company_locations/delete', 'customers/data_request',
  'customers/delete', 'customers/merge', 'customers/redact', 'draft_orders/delete', 'fulfillment_events/delete', 'orders/delete',
  'orders/risk_assessment_changed', 'orders/shopify_protect_eligibility_changed',
]);

const WHERE = 'See https://shopify.dev/docs/apps/launch/protected-customer-data for more details.';

/** Return whether a topic's body holds customers' data. */
export function isProtectedTopic(topic) {
  return PROTECTED_TOPICS.has(topic) || (PROTECTED_GROUPS.test(topic) && !UNPROTECTED_TOPICS.has(topic));
}

export class Approvals {
  /** @param {{protectedDataLevel: 0 | 1 | 2, approvedScopes: string[]}} config */
  constructor({ protectedDataLevel, approvedScopes }) {
    this.set({ protectedDataLevel, scopes: approvedScopes });
  }

  /**
   * Set what is approved; what is left out stays.
   *
   * @throws {NotApproved} and changes nothing
   */
  set({ protectedDataLevel = this.protectedDataLevel, scopes = [...this.scopes] }) {
    if (![0, 1, 2].includes(protectedDataLevel)) throw new NotApproved(`Levels of protected customer data are 0, 1 and 2, not ${protectedDataLevel}.`);
    if (!Array.isArray(scopes)) throw new NotApproved('Approved scopes are a list.');
    Object.assign(this, { protectedDataLevel, scopes: new Set(scopes) });
  }

  /**
   * Take a version of the app, as `shopify app deploy` does.
   *
   * @param {import('./app-config.mjs').AppConfig} about
   * @throws {BadConfig} when it declares what is not approved
   */
  checkRelease(about) {
    const topic = about.subscriptions.map((each) => each.topic).find((each) => this.faultOfTopic(each));
    if (topic) throw new BadConfig(`Version couldn't be created. ${topic}: ${this.faultOfTopic(topic)}`);
    const scope = [...about.scopes, ...about.optionalScopes].find((each) => this.faultOfScope(each));
    if (scope) throw new BadConfig(`Version couldn't be created. ${this.faultOfScope(scope)}`);
  }

  /** Return why the app may not hear of a topic, or null. */
  faultOfTopic(topic) {
    const isDenied = this.protectedDataLevel === 0 && isProtectedTopic(topic);
    return isDenied ? `This app is not approved to subscribe to webhook topics containing protected customer data. ${WHERE}` : null;
  }

  /** Return why the app may not have a scope, or null. */
  faultOfScope(scope) {
    const isDenied = SCOPES_ON_REQUEST.has(scope) && !this.scopes.has(scope);
    return isDenied ? `The app is not approved for the scope ${scope}: ask for it in the Partner Dashboard first.` : null;
  }

  toJSON() {
    return { protected_data_level: this.protectedDataLevel, scopes: [...this.scopes] };
  }
}
