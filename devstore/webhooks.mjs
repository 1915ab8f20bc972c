/**
 * Webhooks: who subscribed to what, and each delivery until it is answered or given up.
 *
 * A delivery is journalled when it is made, at each attempt and at its end, so a
 * restart goes on where the last process stopped.
 */
import { randomUUID } from 'node:crypto';
import { COMPLIANCE_TOPICS } from './app-config.mjs';
import { Sender } from './post.mjs';
import { webhookHmac } from './sign.mjs';

/**
 * Seconds to wait after each failed attempt: 8 retries over 4 hours, growing.
 *
 * The documentation gives the number and the span; the steps between are ours.
 */
export const RETRY_SECONDS = Object.freeze([10, 30, 60, 300, 900, 1800, 3600, 7700]);

/** How many deliveries are under way at once. */
const CONCURRENCY = 8;

/** How many ended deliveries and attempts the log keeps. */
const LOG_LENGTH = 5_000;

/** Sent to an app even when it is not installed (any more). */
const ALWAYS_SENT = new Set(['app/uninstalled', ...COMPLIANCE_TOPICS]);

export class Webhooks {
  #deliveries = new Map();
  #ready = [];
  #held = [];
  #running = 0;
  #stopped = false;
  #started = false;
  #attempts = [];
  #idle = [];
  #sender;

  /**
   * @param {object} parts
   * @param {import('./store.mjs').Store} parts.store
   * @param {import('./config.mjs').Config} parts.config
   * @param {import('./clock.mjs').Clock} parts.clock
   * @param {import('./app-config.mjs').AppConfig} parts.about
   * @param {import('./approvals.mjs').Approvals} parts.approvals
   * @param {import('./faults.mjs').Faults} parts.faults
   * @param {{post: Function, close: Function}} [parts.sender]
   */
  constructor({ store, config, clock, about, approvals, faults, sender = new Sender({ sockets: CONCURRENCY }) }) {
    Object.assign(this, { store, config, clock, about, approvals, faults });
    this.#sender = sender;
    store.on('delivery.put', ({ data }) => this.#deliveries.set(data.id, { ...data }));
    store.on('delivery.attempt', ({ data }) => this.#keepAttempt(data));
  }

  /** Begin to send what is pending, also from before a restart. */
  start() {
    this.#started = true;
    for (const delivery of this.#deliveries.values()) this.#plan(delivery);
  }

  /**
   * Tell every subscriber of `topic` that something happened.
   *
   * @param {import('./store.mjs').ShopData} shop
   * @param {string} topic `orders/create`
   * @param {object} payload
   * @param {object} [how]
   * @param {string} [how.eventId] one merchant action's id, shared by all its deliveries
   * @param {number} [how.notBefore] first attempt, a moment of the shop's clock
   * @param {string} [how.clientId]
   * @returns {string[]} ids of the deliveries made
   */
  emit(shop, topic, payload, { eventId = randomUUID(), notBefore = this.clock.now() } = {}) {
    return this.subscriptionsOf(shop, topic).map((subscription) => {
      const delivery = this.#make(shop, topic, payload, { subscription, eventId, notBefore });
      this.store.change({ type: 'delivery.put', shop: shop.domain, data: delivery });
      if (this.#started) this.#plan(this.#deliveries.get(delivery.id));
      return delivery.id;
    });
  }

  /** Return the subscriptions that hear `topic` in `shop`: the app's own, then the shop-specific ones. */
  subscriptionsOf(shop, topic) {
    const installed = shop.findInstall(this.config.clientId) !== null;
    if (!installed && !ALWAYS_SENT.has(topic)) return [];
    if (this.approvals.faultOfTopic(topic)) return [];
    const declared = this.about.subscriptions
      .filter((each) => each.topic === topic)
      .map((each) => ({ ...each, subscriptionId: null, apiVersion: this.about.webhookApiVersion }));
    const made = [...shop.subscriptions.values()]
      .filter((each) => installed && each.topic === topic)
      .map((each) => ({ ...each, subscriptionId: each.id, apiVersion: this.about.webhookApiVersion }));
    return [...declared, ...made];
  }

  /** Return `{due, retrying, scheduled}`: deliveries to send now, after a failure, at a later day. */
  pending() {
    const counts = { due: 0, retrying: 0, scheduled: 0 };
    for (const delivery of this.#deliveries.values()) counts[stateOf(delivery, this.clock.now())] += 1;
    return counts;
  }

  /** Return the attempts of late, oldest first. */
  attempts({ topic = null, shop = null } = {}) {
    return this.#attempts.filter((each) => (!topic || each.topic === topic) && (!shop || each.shop === shop));
  }

  /** Return when nothing is due or under way (retries that wait are not counted). */
  async settled() {
    if (this.#running === 0 && this.#ready.length === 0) return;
    await new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Send what a reorder fault still holds back. */
  release() {
    const held = this.#held.splice(0).reverse();
    this.#ready.push(...held);
    this.#pump();
  }

  /** Take back what was to be sent at a later day. */
  withdraw(shop, topic, reason) {
    const scheduled = [...this.#deliveries.values()].filter((each) => each.shop === shop.domain && each.topic === topic && stateOf(each, this.clock.now()) === 'scheduled');
    for (const delivery of scheduled) this.#record(delivery, { status: null, error: reason, outcome: 'WITHDRAWN', ms: 0 });
  }

  /** Forget every delivery, pending or told. */
  clear() {
    this.#deliveries.clear();
    this.#attempts = [];
    this.#ready = [];
    this.#held = [];
  }

  /** Stop sending; what is pending stays in the journal. */
  async stop() {
    this.#stopped = true;
    this.#ready = [];
    while (this.#running > 0) await new Promise((resolve) => this.#idle.push(resolve));
    this.#sender.close();
  }

  #make(shop, topic, payload, { subscription, eventId, notBefore }) {
    const included = subscription.includeFields ? pick(payload, subscription.includeFields) : payload;
    return {
      id: randomUUID(),
      eventId,
      shop: shop.domain,
      topic,
      uri: subscription.uri,
      name: subscription.name,
      subscriptionId: subscription.subscriptionId,
      apiVersion: subscription.apiVersion,
      triggeredAt: notBefore,
      body: JSON.stringify(included),
      attempts: 0,
      nextAt: notBefore + this.faults.webhooks.delay_seconds * 1000,
    };
  }

  #plan(delivery) {
    if (this.#stopped) return;
    if (delivery.nextAt > this.clock.now()) {
      this.clock.schedule(delivery.nextAt, () => this.#enqueue(delivery));
      return;
    }
    this.#enqueue(delivery);
  }

  #enqueue(delivery) {
    if (this.#stopped || !this.#deliveries.has(delivery.id)) return;
    if (delivery.attempts === 0 && this.faults.take('webhooks', 'drop')) {
      this.#record(delivery, { status: null, error: 'dropped by a fault', outcome: 'DROPPED', ms: 0 });
      return;
    }
    if (delivery.attempts === 0 && this.faults.take('webhooks', 'reorder')) {
      this.#held.push(delivery);
      if (this.faults.webhooks.reorder === 0) this.release();
      return;
    }
    this.#ready.push(delivery);
    if (delivery.attempts === 0 && this.faults.take('webhooks', 'duplicate')) this.#ready.push({ ...delivery, isCopy: true });
    this.#pump();
  }

  #pump() {
    while (!this.#stopped && this.#running < CONCURRENCY && this.#ready.length > 0) {
      this.#running += 1;
      this.#attempt(this.#ready.shift()).finally(() => {
        this.#running -= 1;
        this.#pump();
        if (this.#running === 0 && this.#ready.length === 0) for (const resolve of this.#idle.splice(0)) resolve();
      });
    }
  }

  async #attempt(delivery) {
    const body = Buffer.from(delivery.body);
    const startedAt = performance.now();
    const { status, error } = await this.#sender.post(delivery.uri, body, this.#headers(delivery, body));
    const ms = Math.round(performance.now() - startedAt);
    const delivered = status !== null && status >= 200 && status < 300;
    if (delivery.isCopy) {
      this.#keepAttempt({ ...this.#entry(delivery, { status, error, ms }), outcome: 'DUPLICATE' });
      return;
    }
    const outcome = delivered ? 'DELIVERED' : delivery.attempts < RETRY_SECONDS.length ? 'RETRYING' : 'GIVEN_UP';
    this.#record(delivery, { status, error, outcome, ms });
    const isPending = this.#deliveries.has(delivery.id);
    if (outcome === 'RETRYING' && isPending) this.#plan(this.#deliveries.get(delivery.id));
    if (outcome === 'GIVEN_UP') this.#dropSubscription(delivery);
  }

  #record(delivery, { status, error, outcome, ms }) {
    const wait = RETRY_SECONDS[delivery.attempts] * 1000;
    const nextAt = outcome === 'RETRYING' ? this.clock.now() + wait : null;
    const data = { ...this.#entry(delivery, { status, error, ms }), outcome, nextAt };
    this.store.change({ type: 'delivery.attempt', shop: delivery.shop, data });
  }

  #entry(delivery, { status, error, ms }) {
    const { id, eventId, shop, topic, uri, attempts } = delivery;
    return { id, eventId, shop, topic, uri, attempt: attempts + 1, at: this.clock.now(), status, error, ms };
  }

  #keepAttempt(entry) {
    this.#attempts.push(entry);
    if (this.#attempts.length > LOG_LENGTH) this.#attempts.shift();
    const delivery = this.#deliveries.get(entry.id);
    if (!delivery || entry.outcome === 'DUPLICATE') return;
    if (entry.outcome === 'RETRYING') Object.assign(delivery, { attempts: entry.attempt, nextAt: entry.nextAt });
    else this.#deliveries.delete(entry.id);
  }

  /** Subscriptions made through the Admin API go after repeated failure; declared ones stay. */
  #dropSubscription(delivery) {
    const shop = this.store.findShop(delivery.shop);
    if (delivery.subscriptionId === null || !shop?.subscriptions.has(delivery.subscriptionId)) return;
    this.store.change({ type: 'subscription.delete', shop: shop.domain, data: { id: delivery.subscriptionId } });
  }

  #headers(delivery, body) {
    const headers = {
      'Content-Type': 'application/json',
      'User-Agent': 'Shopify-Captain-Hook',
      'X-Shopify-Topic': delivery.topic,
      'X-Shopify-Shop-Domain': delivery.shop,
      'X-Shopify-API-Version': delivery.apiVersion,
      'X-Shopify-Webhook-Id': delivery.id,
      'X-Shopify-Event-Id': delivery.eventId,
      'X-Shopify-Triggered-At': new Date(delivery.triggeredAt).toISOString(),
      'X-Shopify-Hmac-Sha256': webhookHmac(body, this.config.clientSecret),
    };
    return delivery.name ? { ...headers, 'X-Shopify-Name': delivery.name } : headers;
  }
}

function stateOf(delivery, now) {
  if (delivery.attempts > 0) return 'retrying';
  return delivery.nextAt > now ? 'scheduled' : 'due';
}

function pick(payload, fields) {
  return Object.fromEntries(fields.filter((name) => name in payload).map((name) => [name, payload[name]]));
}
