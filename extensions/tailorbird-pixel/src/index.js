import { register } from '@shopify/web-pixels-extension';
import { readers } from './events.js';
import { Outbox } from './outbox.js';

register(({ analytics, customerPrivacy, init, settings }) => {
  const outbox = new Outbox(`${settings.endpoint}/events/${settings.accountID}`);
  // Shopify starts the pixel once analytics are allowed; what is taken back later, it does not take back for us.
  const obey = ({ analyticsProcessingAllowed }) => (analyticsProcessingAllowed ? outbox.open() : outbox.close());
  obey(init.customerPrivacy);
  customerPrivacy.subscribe('visitorConsentCollected', (event) => obey(event.customerPrivacy));
  for (const [topic, read] of Object.entries(readers)) {
    analytics.subscribe(topic, (event) => {
      const data = read(event);
      if (data) outbox.add({ id: event.id, topic, at: event.timestamp, client: event.clientId, data });
    });
  }
});
