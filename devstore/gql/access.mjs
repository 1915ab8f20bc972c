/**
 * Who may read what: scopes, protected customer data, the 60-day order window.
 */
import { GraphQLError } from 'graphql';

/** Days of orders that `read_orders` alone shows. */
export const ORDER_WINDOW_DAYS = 60;

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Refuse a field that the caller may not read.
 *
 * @param {import('./schema.mjs').Need} need
 * @param {{scopes: Set<string>, protectedDataLevel: number}} caller
 * @param {string} field
 * @throws {GraphQLError} with the code ACCESS_DENIED
 */
export function checkAccess(need, caller, field) {
  for (const choices of need.scopes) {
    if (!choices.some((scope) => holds(caller.scopes, scope))) throw denied(field, need.words || `\`${choices[0]}\` access scope.`);
  }
  if (need.level <= caller.protectedDataLevel) return;
  // At level 0 the whole object is closed, at level 1 the fields that tell who somebody is.
  const what = need.level === 1 ? `access the ${need.object} object` : `use the ${field} field`;
  throw new GraphQLError(
    `This app is not approved to ${what}. See https://shopify.dev/docs/apps/launch/protected-customer-data for more details.`,
    { extensions: { code: 'ACCESS_DENIED', documentation: 'https://shopify.dev/docs/apps/launch/protected-customer-data' } },
  );
}

/** Return whether a scope is granted; writing includes reading. */
export function holds(granted, scope) {
  return granted.has(scope) || (scope.startsWith('read_') && granted.has(scope.replace('read_', 'write_')));
}

/** Return the moment before which the caller sees no orders. */
export function orderWindowStart(scopes, now) {
  return scopes.includes('read_all_orders') ? -Infinity : now - ORDER_WINDOW_DAYS * DAY_MS;
}

function denied(field, words) {
  return new GraphQLError(`Access denied for ${field} field. Required access: ${words}`, {
    extensions: { code: 'ACCESS_DENIED', documentation: 'https://shopify.dev/api/usage/access-scopes', requiredAccess: words },
  });
}
