/**
 * The app in a shop: installed with which scopes, holding which tokens.
 *
 * One expiring offline token is active per app and shop; getting another one
 * revokes the former.
 */
import { randomBytes } from 'node:crypto';
import { scopesPayload, shopPayload } from './payloads.mjs';

const SECOND = 1000;
const DAY = 24 * 60 * 60 * SECOND;

/** Life of an expiring access token, of its refresh token, and of an online token, in seconds. */
export const ACCESS_SECONDS = 3_600;
export const REFRESH_SECONDS = 7_776_000;
export const ONLINE_SECONDS = 86_399;

/** How long a former refresh token may be presented again while its replacement is unused. */
const RETRY_DAYS = 30;

/** How long the exchange of an old permanent token gives the same pair again. */
const MIGRATION_DAYS = 7;

/** When the compliance topic shop/redact follows an uninstall. */
const REDACT_AFTER_MS = 2 * DAY;

/** Something about the install that cannot be. */
export class InstallRefused extends Error {}

export class Apps {
  /** @param {{store: object, config: object, clock: object, about: object, approvals: object, webhooks: object}} parts */
  constructor({ store, config, clock, about, approvals, webhooks }) {
    Object.assign(this, { store, config, clock, about, approvals, webhooks });
  }

  /**
   * Install the app as Shopify does it by itself: scopes are granted and no call is made.
   *
   * A second install leaves the first as it is.
   *
   * @param {import('./store.mjs').ShopData} shop
   * @param {{optionalScopes?: string[], scopes?: string[]}} [grant]
   * @throws {InstallRefused} when a scope is not one the app may have
   */
  install(shop, { optionalScopes = [], scopes = this.about.scopes } = {}) {
    const found = shop.findInstall(this.config.clientId);
    if (found) return optionalScopes.length === 0 ? found : this.grantScopes(shop, optionalScopes);
    this.#checkOptional(optionalScopes);
    const data = {
      clientId: this.config.clientId,
      installationId: shop.nextId('installs'),
      installedAt: this.clock.now(),
      scopes: [...new Set([...scopes, ...optionalScopes])],
    };
    this.store.change({ type: 'install.put', shop: shop.domain, data });
    // Shopify does not ask for the erasure of a shop that has come back within the 48 hours.
    this.webhooks.withdraw(shop, 'shop/redact', 'the app was installed again');
    return data;
  }

  /** Uninstall: every token dies at once, app/uninstalled goes out, shop/redact follows 48 hours later. */
  uninstall(shop) {
    const install = this.#getInstall(shop);
    const { clientId } = install;
    const owner = `gid://shopify/AppInstallation/${install.installationId}`;
    this.store.change({ type: 'tokens.clear', shop: shop.domain, data: { clientId } });
    this.store.change({ type: 'metafields.delete', shop: shop.domain, data: shop.metafieldsOf(owner) });
    this.store.change({ type: 'pixel.delete', shop: shop.domain, data: { clientId } });
    this.store.change({ type: 'install.delete', shop: shop.domain, data: { clientId } });
    for (const id of [...shop.subscriptions.keys()]) this.store.change({ type: 'subscription.delete', shop: shop.domain, data: { id } });
    this.webhooks.emit(shop, 'app/uninstalled', shopPayload(shop));
    const redact = { shop_id: shop.id, shop_domain: shop.domain };
    this.webhooks.emit(shop, 'shop/redact', redact, { notBefore: this.clock.now() + REDACT_AFTER_MS });
  }

  /** Grant optional scopes, as a merchant does in the dialogue that App Bridge opens. */
  grantScopes(shop, scopes) {
    this.#checkOptional(scopes);
    const install = this.#getInstall(shop);
    return this.setScopes(shop, [...new Set([...install.scopes, ...scopes])]);
  }

  /** Take optional scopes back. */
  revokeScopes(shop, scopes) {
    const required = scopes.find((scope) => this.about.scopes.includes(scope));
    if (required) throw new InstallRefused(`Scope ${required} is required and cannot be revoked.`);
    const install = this.#getInstall(shop);
    return this.setScopes(shop, install.scopes.filter((scope) => !scopes.includes(scope)));
  }

  /** Set the granted scopes; the app hears of a change. */
  setScopes(shop, scopes) {
    const install = this.#getInstall(shop);
    if (sameSet(scopes, install.scopes)) return install;
    const changed = { ...install, scopes };
    this.store.change({ type: 'install.put', shop: shop.domain, data: changed });
    this.webhooks.emit(shop, 'app/scopes_update', scopesPayload(shop, changed, install.scopes, this.clock.now()));
    return changed;
  }

  /** Mint the expiring offline token; the former one, if any, dies. */
  mintExpiring(shop, { formerRefresh = null } = {}) {
    const now = this.clock.now();
    const data = {
      key: `offline:${this.config.clientId}`,
      kind: 'OFFLINE',
      clientId: this.config.clientId,
      accessToken: `shpat_${randomBytes(16).toString('hex')}`,
      accessExpiresAt: now + ACCESS_SECONDS * SECOND,
      refreshToken: `shprt_${randomBytes(16).toString('hex')}`,
      refreshExpiresAt: now + REFRESH_SECONDS * SECOND,
      formerRefresh,
    };
    this.store.change({ type: 'token.put', shop: shop.domain, data });
    return data;
  }

  /** Mint, or give again, the offline token without an end, which the Admin API refuses with 403. */
  mintPermanent(shop) {
    const key = `permanent:${this.config.clientId}`;
    const found = shop.tokens.get(key);
    if (found) return found;
    const data = { key, kind: 'PERMANENT', clientId: this.config.clientId, accessToken: `shpat_${randomBytes(16).toString('hex')}` };
    this.store.change({ type: 'token.put', shop: shop.domain, data });
    return data;
  }

  /** Mint a token for one staff member. */
  mintOnline(shop, userId) {
    const now = this.clock.now();
    const accessToken = `shpat_${randomBytes(16).toString('hex')}`;
    for (const token of shop.tokens.values()) {
      if (token.kind !== 'ONLINE' || token.accessExpiresAt > now) continue;
      this.store.change({ type: 'token.delete', shop: shop.domain, data: { key: token.key } });
    }
    const data = {
      key: `online:${accessToken}`, kind: 'ONLINE', clientId: this.config.clientId, accessToken, userId,
      accessExpiresAt: now + ONLINE_SECONDS * SECOND,
    };
    this.store.change({ type: 'token.put', shop: shop.domain, data });
    return data;
  }

  /**
   * Rotate the pair that `refreshToken` belongs to.
   *
   * The token before the present one is taken again while its replacement was
   * never used, so that an answer lost on the way costs the app nothing.
   *
   * @returns {{token: object} | {fault: 'UNKNOWN' | 'INACTIVE'}}
   */
  refresh(shop, refreshToken) {
    const now = this.clock.now();
    const token = shop.tokens.get(`offline:${this.config.clientId}`);
    if (token?.refreshToken === refreshToken) {
      if (token.refreshExpiresAt <= now) return { fault: 'INACTIVE' };
      const until = Math.min(token.refreshExpiresAt, now + RETRY_DAYS * DAY);
      return { token: this.mintExpiring(shop, { formerRefresh: { refreshToken, until } }) };
    }
    const former = token?.formerRefresh;
    if (former?.refreshToken !== refreshToken) return { fault: 'UNKNOWN' };
    return former.until > now ? { token } : { fault: 'INACTIVE' };
  }

  /** Exchange an old permanent token for an expiring pair; for 7 days the same pair comes again. */
  migrate(shop, accessToken) {
    const now = this.clock.now();
    const key = `permanent:${this.config.clientId}`;
    const old = shop.tokens.get(key);
    if (old?.accessToken !== accessToken) return { fault: 'UNKNOWN' };
    const pair = shop.tokens.get(`offline:${this.config.clientId}`);
    if (old.migratedAt === undefined) {
      this.store.change({ type: 'token.put', shop: shop.domain, data: { ...old, migratedAt: now } });
      return { token: this.mintExpiring(shop) };
    }
    return now - old.migratedAt <= MIGRATION_DAYS * DAY && pair ? { token: pair } : { fault: 'INACTIVE' };
  }

  /**
   * Return who presents an access token.
   *
   * @returns {{install: object, token: object} | {fault: 'DEAD' | 'NON_EXPIRING'}}
   */
  authenticate(shop, accessToken) {
    const install = shop.findInstall(this.config.clientId);
    const token = [...shop.tokens.values()].find((each) => each.accessToken === accessToken);
    if (!install || !token) return { fault: 'DEAD' };
    if (token.kind === 'PERMANENT') return { fault: token.migratedAt === undefined ? 'NON_EXPIRING' : 'DEAD' };
    if (token.accessExpiresAt <= this.clock.now()) return { fault: 'DEAD' };
    this.#used(shop, token);
    return { install, token };
  }

  /** The first use of a new token ends the retry of the refresh token before it. */
  #used(shop, token) {
    if (!token.formerRefresh) return;
    this.store.change({ type: 'token.put', shop: shop.domain, data: { ...token, formerRefresh: null } });
  }

  #getInstall(shop) {
    const install = shop.findInstall(this.config.clientId);
    if (!install) throw new InstallRefused(`The app is not installed in ${shop.domain}.`);
    return install;
  }

  #checkOptional(scopes) {
    const unknown = scopes.find((scope) => !this.about.optionalScopes.includes(scope) && !this.about.scopes.includes(scope));
    if (unknown) throw new InstallRefused(`Scope ${unknown} is not declared in shopify.app.toml.`);
    const fault = scopes.map((scope) => this.approvals.faultOfScope(scope)).find(Boolean);
    if (fault) throw new InstallRefused(fault);
  }
}

function sameSet(left, right) {
  return left.length === right.length && left.every((each) => right.includes(each));
}
