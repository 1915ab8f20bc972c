/*
 * The admin's side of App Bridge: answers what the embedded app asks and shows what it wants shown.
 */
(() => {
  const settings = JSON.parse(document.getElementById('frame-settings').textContent);
  const find = (selector) => document.querySelector(selector);
  const app = find('[data-app]');
  const saveBar = find('[data-savebar]');
  const dialog = find('[data-dialog]');
  const LOADING_MOST_MS = 3000;

  const send = (message) => app.contentWindow.postMessage({ source: 'admin', ...message }, settings.appOrigin);
  const tell = (event, detail) => send({ event, detail });

  async function getJson(path, options) {
    const answer = await fetch(settings.admin + path, options);
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error ?? `${path}: ${answer.status}.`);
    return body;
  }

  function postJson(path, value) {
    return getJson(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });
  }

  /* What the app tells. */

  const setLoading = (isLoading) => find('[data-loading]').classList.toggle('is-loading', isLoading);

  function showPath({ path, title }) {
    setLoading(false);
    history.replaceState(null, '', settings.base + (path === '/' ? '' : path));
    if (title) find('[data-page-title]').textContent = title;
    markCurrent(path);
  }

  let links = [];

  function showNavigation({ links: told }) {
    links = told.filter(({ isHome }) => !isHome);
    const items = links.map(({ href, label }) => {
      const item = document.createElement('li');
      const link = Object.assign(document.createElement('a'), { href: settings.base + href, textContent: label });
      link.dataset.path = href;
      item.append(link);
      return item;
    });
    find('[data-app-nav]').replaceChildren(...items);
    markCurrent(location.pathname.slice(settings.base.length) || '/');
  }

  /* The item whose address is the longest start of the path. */
  function markCurrent(path) {
    const bare = path.split(/[?#]/)[0];
    const isAt = ({ href }) => bare === href || (href !== '/' && bare.startsWith(`${href}/`));
    const current = links.filter(isAt).sort((a, b) => b.href.length - a.href.length)[0];
    for (const link of document.querySelectorAll('[data-app-nav] a')) {
      if (link.dataset.path === current?.href) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  }

  function button(label, { isPrimary, isDisabled, isLoading } = {}) {
    const element = Object.assign(document.createElement('button'), { type: 'button', className: `button${isPrimary ? ' button--primary' : ''}`, textContent: label });
    element.disabled = Boolean(isDisabled || isLoading);
    if (isLoading) element.setAttribute('aria-busy', 'true');
    return element;
  }

  function showTitleBar({ title, buttons }) {
    if (title) find('[data-page-title]').textContent = title;
    find('[data-title-actions]').replaceChildren(...buttons.map((each, index) => {
      const element = button(each.label, each);
      element.addEventListener('click', () => tell('titleBarClick', { index }));
      return element;
    }));
  }

  function showToast({ id, message, duration, isError, action }) {
    const toast = Object.assign(document.createElement('div'), { className: `toast${isError ? ' toast--error' : ''}` });
    toast.dataset.toast = id;
    toast.append(Object.assign(document.createElement('span'), { textContent: message }));
    const close = () => {
      if (!toast.isConnected) return;
      toast.remove();
      tell('toastDismiss', { id });
    };
    if (action) {
      const act = Object.assign(document.createElement('button'), { type: 'button', textContent: action });
      act.addEventListener('click', () => { tell('toastAction', { id }); close(); });
      toast.append(act);
    }
    const dismiss = Object.assign(document.createElement('button'), { type: 'button', textContent: '✕', ariaLabel: 'Dismiss' });
    dismiss.addEventListener('click', close);
    toast.append(dismiss);
    find('[data-toasts]').append(toast);
    setTimeout(close, duration);
  }

  let shownBar = '';

  /* Told again with each change of a field: the buttons stay, for one of them may be under a pressed mouse just now. */
  function showSaveBar(told) {
    const description = JSON.stringify(told);
    if (description !== shownBar) fillSaveBar(told);
    shownBar = description;
    saveBar.hidden = false;
  }

  function fillSaveBar({ buttons, discardConfirmation }) {
    const text = Object.assign(document.createElement('span'), { textContent: 'Unsaved changes' });
    const made = buttons.map((each, index) => {
      const element = button(each.label, each);
      element.addEventListener('click', () => {
        const mayDiscard = each.isPrimary || !discardConfirmation || confirm('Discard all unsaved changes?');
        if (mayDiscard) tell('saveBarClick', { index });
      });
      return element;
    });
    saveBar.replaceChildren(text, ...made);
  }

  function shakeSaveBar() {
    saveBar.classList.remove('is-shaking');
    requestAnimationFrame(() => saveBar.classList.add('is-shaking'));
  }

  /* What the app asks. */

  function openDialog(content) {
    dialog.replaceChildren(content);
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => resolve(dialog.returnValue), { once: true });
      dialog.returnValue = '';
    });
  }

  function dialogForm(title, body, confirmLabel) {
    const form = Object.assign(document.createElement('form'), { method: 'dialog' });
    const heading = Object.assign(document.createElement('h2'), { id: 'dialog-title', textContent: title });
    const content = Object.assign(document.createElement('div'), { className: 'dialog__body' });
    content.append(...body);
    const actions = Object.assign(document.createElement('div'), { className: 'dialog__actions' });
    const cancel = Object.assign(button('Cancel'), { type: 'submit', value: '' });
    const agree = Object.assign(button(confirmLabel, { isPrimary: true }), { type: 'submit', value: 'agreed' });
    actions.append(cancel, agree);
    form.append(heading, content, actions);
    return form;
  }

  async function requestScopes({ scopes }) {
    const before = await getJson('/app-bridge/scopes');
    if (scopes.every((scope) => before.granted.includes(scope))) return { result: 'granted-all', detail: before };
    const list = Object.assign(document.createElement('ul'), { className: 'grant__list' });
    list.append(...scopes.map((scope) => {
      const item = document.createElement('li');
      // Texts of the frame's own page, not of the app.
      if (settings.scopeTexts[scope]) item.innerHTML = settings.scopeTexts[scope];
      else item.textContent = scope;
      return item;
    }));
    const answer = await openDialog(dialogForm('Give the app more permissions?', [list], 'Update'));
    if (answer !== 'agreed') return { result: 'declined-all', detail: before };
    return { result: 'granted-all', detail: await postJson('/app-bridge/scopes/grant', { scopes }) };
  }

  async function pickResources({ type = 'product', multiple = false, action = 'add', query = '', selectionIds = [] }) {
    const chosen = new Map();
    const list = Object.assign(document.createElement('div'), { className: 'picker' });
    const search = Object.assign(document.createElement('input'), { type: 'search', placeholder: `Search ${type}s`, value: query, ariaLabel: `Search ${type}s` });
    const most = multiple === true ? Infinity : Number(multiple) || 1;
    const load = async () => {
      const found = await getJson(`/app-bridge/resources?type=${encodeURIComponent(type)}&query=${encodeURIComponent(search.value)}`);
      list.replaceChildren(...found.map((resource) => pickerRow(resource, { chosen, most, list })));
    };
    selectionIds.forEach(({ id }) => chosen.set(id, null));
    search.addEventListener('input', load);
    await load();
    const answer = await openDialog(dialogForm(`${action === 'select' ? 'Select' : 'Add'} ${type}s`, [search, list], action === 'select' ? 'Select' : 'Add'));
    return answer === 'agreed' ? [...chosen.values()].filter(Boolean) : undefined;
  }

  function pickerRow(resource, { chosen, most, list }) {
    const row = document.createElement('label');
    const box = Object.assign(document.createElement('input'), { type: most === 1 ? 'radio' : 'checkbox', name: 'resource', checked: chosen.has(resource.id) });
    if (box.checked) chosen.set(resource.id, resource);
    box.addEventListener('change', () => {
      if (most === 1) chosen.clear();
      if (box.checked) chosen.set(resource.id, resource);
      else chosen.delete(resource.id);
      for (const other of list.querySelectorAll('input:not(:checked)')) other.disabled = most > 1 && chosen.size >= most;
    });
    row.append(box);
    if (resource.images[0]) row.append(Object.assign(document.createElement('img'), { src: resource.images[0].originalSrc, width: 32, height: 32, alt: '' }));
    row.append(resource.title);
    return row;
  }

  const QUESTIONS = {
    idToken: async () => (await postJson('/session-token', {})).token,
    user: () => getJson('/app-bridge/user'),
    scopesQuery: () => getJson('/app-bridge/scopes'),
    scopesRequest: requestScopes,
    scopesRevoke: async ({ scopes }) => ({ detail: await postJson('/app-bridge/scopes/revoke', { scopes }) }),
    extensions: () => getJson('/app-bridge/extensions'),
    resourcePicker: pickResources,
    leaveConfirmation: async () => {
      if (saveBar.hidden || confirm('Leave this page? Your unsaved changes will be lost.')) return undefined;
      throw new Error('The merchant stays on the page.');
    },
  };

  const NOTES = {
    path: showPath,
    nav: showNavigation,
    titleBar: showTitleBar,
    toast: showToast,
    toastHide: ({ id }) => document.querySelector(`[data-toast="${CSS.escape(id)}"]`)?.remove(),
    saveBar: showSaveBar,
    saveBarHide: () => { saveBar.hidden = true; },
    loading: ({ isLoading }) => setLoading(isLoading),
    openAdmin: ({ path }) => location.assign(`${settings.admin}/${path}`),
  };

  async function answer({ id, method, detail }) {
    try {
      if (!Object.hasOwn(QUESTIONS, method)) throw new Error(`The admin does not know ${method}.`);
      send({ id, result: await QUESTIONS[method](detail) });
    } catch (error) {
      send({ id, error: error.message });
    }
  }

  window.addEventListener('message', (event) => {
    if (event.source !== app.contentWindow || event.origin !== settings.appOrigin || event.data?.source !== 'app-bridge') return;
    const { id, method, detail } = event.data;
    if (id) answer({ id, method, detail });
    else if (Object.hasOwn(NOTES, method)) NOTES[method](detail ?? {});
  });

  /* Navigation in the admin moves the app, not the page; unsaved changes keep it where it is. */
  document.addEventListener('click', (event) => {
    const link = event.target.closest('.nav a, .topbar a');
    if (!link || event.metaKey || event.ctrlKey || link.target === '_blank') return;
    if (!saveBar.hidden) {
      event.preventDefault();
      shakeSaveBar();
      return;
    }
    const isAppHome = link.getAttribute('href') === settings.base;
    if (!link.dataset.path && !isAppHome) return;
    event.preventDefault();
    document.getElementById('nav-toggle').checked = false;
    setLoading(true);
    setTimeout(setLoading, LOADING_MOST_MS, false);
    tell('navigate', { href: link.dataset.path ?? '/' });
  });

  setLoading(true);
  app.addEventListener('load', () => setLoading(false));
})();
