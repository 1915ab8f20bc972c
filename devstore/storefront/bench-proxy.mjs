/**
 * Measures what the app proxy adds to a request: the same answer, asked directly and through it, in turns.
 *
 *     node devstore/storefront/bench-proxy.mjs
 *
 * The last line is JSON, in milliseconds.
 */
import http from 'node:http';
import { startShop } from '../test/support/shop.mjs';

const WARM_UP = 500;
const REQUESTS = 3000;
const BODY = JSON.stringify({ decision: 'x'.repeat(36), items: Array.from({ length: 10 }, (_, at) => ({ id: at, handle: `product-${at}` })) });

const app = http.createServer((req, res) => res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': BODY.length }).end(BODY));
await new Promise((resolve) => app.listen(0, '127.0.0.1', resolve));
const appUrl = `http://127.0.0.1:${app.address().port}`;
const store = await startShop({ env: { APP_BACKEND_URL: appUrl } });
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask(url) {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    http.get(url, { agent }, (res) => res.on('data', () => {}).on('end', () => resolve(performance.now() - started))).on('error', reject);
  });
}

const at = (sorted, share) => Number(sorted[Math.floor(sorted.length * share)].toFixed(3));
const summary = (times) => ({ p50_ms: at(times, 0.5), p99_ms: at(times, 0.99) });

const paths = { direct: `${appUrl}/proxy/recommendations?limit=10`, proxied: `${store.url}/apps/tailorbird/recommendations?limit=10` };
const times = { direct: [], proxied: [] };
for (let turn = 0; turn < WARM_UP + REQUESTS; turn += 1) {
  for (const [name, url] of Object.entries(paths)) {
    const time = await ask(url);
    if (turn >= WARM_UP) times[name].push(time);
  }
}
for (const list of Object.values(times)) list.sort((a, b) => a - b);
const [direct, proxied] = [summary(times.direct), summary(times.proxied)];
agent.destroy();
await store.close();
app.closeAllConnections();
app.close();
console.log(JSON.stringify({ direct, proxied, overhead_p50_ms: Number((proxied.p50_ms - direct.p50_ms).toFixed(3)) }));
