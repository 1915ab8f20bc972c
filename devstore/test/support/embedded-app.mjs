/**
 * A small embedded app, for tests of App Bridge, Polaris and the frame around them.
 */
import http from 'node:http';

/** Start the app; `standIns` is where its two scripts come from, set once that server listens. */
export async function startEmbeddedApp({ apiKey }) {
  const app = { standIns: '', seen: [] };
  const server = http.createServer((req, res) => answer(app, apiKey, req, res));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  app.url = `http://127.0.0.1:${server.address().port}`;
  app.close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return app;
}

function answer(app, apiKey, req, res) {
  const url = new URL(req.url, app.url);
  app.seen.push({ path: url.pathname, query: url.searchParams, authorization: req.headers.authorization ?? null });
  if (url.pathname === '/api/stale-once') return answerStaleOnce(app, req, res);
  if (url.pathname === '/api/echo') return res.end(req.headers.authorization ?? 'none');
  if (url.pathname === '/favicon.ico') return res.writeHead(204).end();
  res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
  return res.end(url.pathname === '/bounce' ? page(app, apiKey, '') : page(app, apiKey, BODY));
}

/** Find the first token stale, as a server with another clock would. */
function answerStaleOnce(app, req, res) {
  const asked = app.seen.filter(({ path }) => path === '/api/stale-once').length;
  if (asked === 1) res.writeHead(401, { 'X-Shopify-Retry-Invalid-Session-Request': '1' }).end();
  else res.end(req.headers.authorization);
}

function page({ standIns }, apiKey, body) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Home</title><link rel="icon" href="data:,">
    <meta name="shopify-api-key" content="${apiKey}">
    <script src="${standIns}/stand-ins/app-bridge.js"></script><script src="${standIns}/stand-ins/polaris.js"></script></head><body style="margin:0">${body}</body></html>`;
}

const BODY = `
<s-app-nav><s-link href="/" rel="home">Home</s-link><s-link href="/model">Model</s-link><s-link href="/settings">Settings</s-link></s-app-nav>
<ui-save-bar id="bar"><button variant="primary" id="bar-save">Save</button><button id="bar-discard">Discard</button></ui-save-bar>
<ui-modal id="classic"><p>Classic words</p><ui-title-bar title="Classic"><button variant="primary" id="classic-ok">OK</button></ui-title-bar></ui-modal>
<s-page heading="Set up">
  <s-button slot="primary-action" variant="primary" id="train">Train now</s-button>
  <s-banner tone="warning" heading="Orders are missing" dismissible id="banner">Give <s-link href="/settings" id="inner-link">permission</s-link>.</s-banner>
  <s-section heading="Steps">
    <s-stack direction="inline" gap="small"><s-text type="strong">Import</s-text><s-badge tone="success" id="badge">Done</s-badge></s-stack>
    <s-heading id="nested">Details</s-heading>
    <s-table><s-table-header-row><s-table-header>Model</s-table-header><s-table-header format="numeric">NDCG</s-table-header></s-table-header-row>
      <s-table-body><s-table-row><s-table-cell>Transformer</s-table-cell><s-table-cell id="number">0.31</s-table-cell></s-table-row></s-table-body></s-table>
    <s-button commandFor="dialog" command="--show" id="open">Open</s-button>
    <s-button disabled id="disabled">Never</s-button>
  </s-section>
  <s-section heading="Settings" slot="aside">
    <form data-save-bar id="form"><s-stack gap="base">
      <s-text-field label="Heading" name="heading" value="You may also like" required details="Above the carousel"></s-text-field>
      <s-number-field label="Items" name="items" value="8" min="1" max="12"></s-number-field>
      <s-select label="Shape" name="shape" value="portrait"><s-option value="square">Square</s-option><s-option value="portrait">Portrait</s-option></s-select>
      <s-checkbox label="Prices" name="prices" value="yes" checked></s-checkbox>
      <s-switch label="Personal" name="personal"></s-switch>
      <s-choice-list label="When" name="when"><s-choice value="weekly" selected>Weekly</s-choice><s-choice value="daily">Daily</s-choice></s-choice-list>
      <s-text-area label="Note" name="note" value="Hello"></s-text-area>
      <s-button type="submit" id="submit">Send</s-button>
    </s-stack></form>
  </s-section>
</s-page>
<s-modal id="dialog" heading="Train?"><s-paragraph>Five minutes.</s-paragraph><s-button slot="primary-action" commandFor="dialog" command="--hide" id="close">Close</s-button></s-modal>
<script>
  window.posted = [];
  window.clicks = [];
  document.addEventListener('shopify:navigate', (event) => {
    history.pushState({}, '', event.target.getAttribute('href'));
    document.title = event.target.textContent;
  });
  form.addEventListener('submit', (event) => { event.preventDefault(); posted.push(Object.fromEntries(new FormData(form))); });
  for (const id of ['train', 'disabled', 'bar-save', 'bar-discard', 'classic-ok']) document.getElementById(id).addEventListener('click', () => clicks.push(id));
</script>`;
