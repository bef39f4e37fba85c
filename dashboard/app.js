// The saga inspection page. It reads the public API and nothing else, and puts everything it reads into
// the page as text, never as markup.
'use strict';

const STATES = ['running', 'compensating', 'completed', 'compensated', 'stuck', 'abandoned'];
const REFRESH_MS = 2000;
const PAGE = 50;

const at = (id) => document.getElementById(id);
let definitions = [];
let cursor = null;      // of the page that is shown; none: the newest
let next = null;        // of the page after it
let shown = null;       // the saga whose timeline is shown
let asked = 0;          // the latest request; an older answer that comes late is dropped
let open = new Set();   // details that the reader has opened
let timer = null;
let me = null;          // who is signed in, as far as is known
let signedOut = false;  // nobody is, as Bellhop has said

/** An element with attributes and children; a string child becomes text. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Asks by the session, whose cookie the browser sends by itself. */
async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: 'no-store', ...options });
  } catch {
    throw new Error('Bellhop does not answer. Is it running?');
  }
  const body = await response.json().catch(() => null);
  if (response.status === 401) forget();
  if (!response.ok) throw new Error(body?.detail ?? `${path} answered ${response.status}.`);
  return body;
}

const read = (path) => ask(path, { headers: { accept: 'application/json' } });

/* Who is signed in. */

async function learnMe() {
  me = await read('/v1/me');
  signedOut = false;
  at('who').textContent = me.actor;
  at('me').hidden = false;
  at('signed-out').hidden = true;
}

/** The session is over: nothing that it showed stays. */
function forget() {
  me = null;
  signedOut = true;
  at('me').hidden = true;
  at('signed-out').hidden = false;
  at('list').hidden = true;
  at('one').hidden = true;
  at('rows').replaceChildren();
  at('one').replaceChildren();
}

async function signOut() {
  asked += 1;
  clearTimeout(timer);
  try {
    await ask('/v1/session', { method: 'DELETE', headers: { 'x-csrf-token': me.session.csrf_token } });
    forget();
    at('problem').hidden = true;
  } catch (error) {
    at('problem').textContent = error.message;
    at('problem').hidden = false;
  }
}

const two = (number) => String(number).padStart(2, '0');

function clock(text) {
  const time = new Date(text);
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

function day(text) {
  const time = new Date(text);
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock(text).slice(0, 8)}`;
}

function between(from, to) {
  const ms = new Date(to) - new Date(from);
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

const moment = (text) => make('time', { datetime: text, title: text }, clock(text));
const tag = (word, text) => make('span', { class: `tag ${word}` }, text ?? word.replace('_', ' '));

/* The list. */

function where(saga) {
  if (saga.reason) return saga.reason;
  const waiting = saga.waiting_for;
  if (!waiting) return `took ${between(saga.created_at, saga.updated_at)}`;
  const again = waiting.sendings > 1 ? `, sent ${waiting.sendings} times` : '';
  return `${waiting.undo ? 'undoing ' : ''}${waiting.step}${again}`;
}

function row(saga) {
  const link = make('a', { href: `#/${saga.saga_id}` }, day(saga.created_at));
  const state = make('td', { class: 'state' }, tag(saga.state));
  if (saga.overdue) state.append(' ', tag('overdue'));
  return make('tr', {},
    make('td', {}, link),
    make('td', {}, saga.type),
    state,
    make('td', { class: 'why' }, where(saga)),
    make('td', { class: 'id' }, saga.reservation_id));
}

async function showList() {
  const mine = ++asked;
  const query = new URLSearchParams({ limit: PAGE });
  if (at('state').value) query.set('state', at('state').value);
  if (at('type').value) query.set('type', at('type').value);
  if (cursor) query.set('cursor', cursor);
  const page = await read(`/v1/sagas?${query}`);
  if (mine !== asked) return;
  next = page.next_cursor ?? null;
  replaceKeepingFocus(at('rows'), page.items.map(row));
  at('empty').hidden = page.items.length > 0;
  at('older').disabled = next === null;
  at('newest').disabled = cursor === null;
  at('list').hidden = false;
  at('one').hidden = true;
}

/** Replaces the children; the link or summary that had the focus has it again. */
function replaceKeepingFocus(parent, children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.getAttribute('href') ?? focused?.dataset.key ?? null;
  parent.replaceChildren(...children);
  if (key === null) return;
  const again = [...parent.querySelectorAll('a, summary')];
  again.find((element) => element.getAttribute('href') === key || element.dataset.key === key)?.focus();
}

/* One saga. */

function fact(name, ...value) {
  return make('div', {}, make('dt', {}, name), make('dd', {}, ...value));
}

/** Whether somebody said that the step was done outside the platform. */
const skips = (line) => line.verb?.verb === 'skip';

/** Lines that say nothing of how a step ended. */
const UNSETTLED = ['sent_again', 'verb', 'held_back', 'released'];

const UNDONE = { look: 'undo-ok', text: 'undone' };

/**
 * How the undoing stands of a step that was done and that no command undoes: the undos of the steps before it cover
 * it, so it is undone when they are. None while nothing is being undone, or when nothing before it can be.
 */
function covered(saga, definition, step) {
  const before = definition.steps.slice(0, definition.steps.indexOf(step));
  const names = before.filter((other) => other.kind === 'do' && other.undone_by_command).map(({ name }) => name);
  const undoing = saga.waiting_for?.undo || saga.journal.some((line) => line.undo);
  if (step.kind !== 'do' || step.undone_by_command || names.length === 0 || !undoing) return null;
  const undone = (name) => saga.journal.some((line) => line.step === name && line.what === 'undone');
  if (saga.state === 'compensated' || names.every(undone)) return UNDONE;
  return saga.state === 'compensating' ? { look: 'undo-sent', text: 'being undone' } : null;
}

/** Whether a step that only some runs have is not one of this run: the run has come past it. */
function isLeftOut(saga, definition, step) {
  const later = definition.steps.slice(definition.steps.indexOf(step) + 1).map(({ name }) => name);
  const isPast = saga.state === 'completed' || later.includes(saga.waiting_for?.step)
    || saga.journal.some((line) => later.includes(line.step));
  return Boolean(step.only_when) && isPast;
}

/** How a step of the definition stands: what is waited for, or the last line that settles it. */
function standing(saga, definition, step) {
  const waiting = saga.waiting_for?.step === step.name ? saga.waiting_for : null;
  if (saga.held_back && saga.journal.at(-1)?.step === step.name) return { look: 'sent', text: 'held back by a rule' };
  if (waiting?.undo) return { look: 'undo-sent', text: 'being undone' };
  if (waiting) return { look: 'sent', text: 'waiting for the reply' };
  const last = saga.journal.filter((line) => line.step === step.name && (skips(line) || !UNSETTLED.includes(line.what))).at(-1);
  if (!last) return { look: '', text: isLeftOut(saga, definition, step) ? 'not in this run' : 'not begun' };
  const refused = ['refused', 'undo_refused', 'given_up'].includes(last.what);
  if (saga.state === 'stuck' && refused && saga.journal.at(-1) === last) return { look: 'stuck', text: 'stuck here' };
  if (last.undo) return last.what === 'undone' ? UNDONE : { look: 'undo-refused', text: 'being undone' };
  const done = last.what === 'opened' || last.what === 'done' || skips(last);
  const cover = done ? covered(saga, definition, step) : null;
  if (cover) return cover;
  return done ? { look: 'ok', text: skips(last) ? 'skipped' : 'done' } : { look: last.what, text: last.what.replace('_', ' ') };
}

const KINDS = {
  opening: 'was done before', do: 'can be undone', pivot: 'pivot: decides', then: 'only forward',
};

/** What happens when no reply comes: only a step that can be undone is given up, and no undo ever is. */
function whenDue(saga, definition) {
  const { step, undo } = saga.waiting_for;
  const declared = definition?.steps.find(({ name }) => name === step);
  return !undo && declared?.given_up_after_times ? 'Sent again or given up' : 'Sent again';
}

function road(saga, definition) {
  const steps = definition.steps.map((step) => {
    const { look, text } = standing(saga, definition, step);
    return make('li', { class: `${step.kind} ${look}`, title: step.because },
      make('strong', {}, step.name),
      make('small', {}, KINDS[step.kind] ?? step.kind),
      step.may_be_skipped && make('small', {}, 'may be skipped'),
      step.only_when && make('small', {}, `only when ${step.only_when}`),
      make('small', { class: 'now' }, text));
  });
  return make('ol', { class: 'road', 'aria-label': 'Steps of the definition' }, ...steps);
}

function json(key, name, value) {
  const details = make('details', {}, make('summary', { 'data-key': key }, name),
    make('pre', {}, JSON.stringify(value, null, 2)));
  details.open = open.has(key);
  details.addEventListener('toggle', () => (details.open ? open.add(key) : open.delete(key)));
  return details;
}

/** How each line looks; what is not named here looks like a command that was sent. */
const LOOKS = {
  opened: 'ok', done: 'ok', refused: 'refused', given_up: 'given_up', undone: 'undo-ok', undo_refused: 'undo-refused',
};

function said(line) {
  if (line.what === 'opened') return 'done before the saga was asked for';
  if (line.what === 'sent_again') {
    return `${line.command_name ?? 'the command'} sent again (${line.sendings})${line.undo ? ' to undo it' : ''}`;
  }
  if (line.what === 'verb') return `${line.verb?.verb ?? ''}, because: ${line.verb?.reason ?? ''}`;
  if (line.what === 'held_back') {
    return `${line.command_name ?? 'the command'} held back by rule ${line.held_back?.rule_id ?? ''}`;
  }
  if (line.what === 'released') return `${line.command_name ?? 'the command'} sent: no rule holds it back any more`;
  if (line.what === 'given_up') return 'given up: no reply came in time, so it is undone too';
  const often = line.sendings > 1 ? `, sent ${line.sendings} times` : '';
  const refusal = line.reply?.outcome?.refused;
  if (refusal) return `refused: ${refusal.code}. ${refusal.message}${often}`;
  return `${line.command_name ?? ''} ${line.undo ? 'undid it' : 'done'}${often}`.trim();
}

function line(saga, entry) {
  const look = LOOKS[entry.what] ?? (entry.undo ? 'undo-sent' : 'sent');
  const details = [];
  if (entry.command) details.push(json(`${saga.saga_id}/${entry.seq}/command`, 'command', entry.command));
  if (entry.verb) details.push(json(`${saga.saga_id}/${entry.seq}/verb`, 'verb', entry.verb));
  if (entry.reply) details.push(json(`${saga.saga_id}/${entry.seq}/reply`, 'reply', entry.reply));
  const took = entry.sent_at ? `after ${between(entry.sent_at, entry.at)}` : null;
  const round = entry.round > 1 ? tag('quiet', `round ${entry.round}`) : null;
  return make('li', { class: `${LOOKS[entry.what] ?? 'sent'}${entry.undo ? ' undo' : ''}` },
    make('p', {},
      make('span', { class: 'quiet' }, String(entry.seq)),
      tag(look, entry.what.replaceAll('_', ' ')),
      make('strong', {}, entry.step),
      make('span', {}, said(entry)),
      round,
      took && make('span', { class: 'quiet' }, took),
      moment(entry.at)),
    ...details);
}

/** What is waited for, as the line that it will lead to. */
function waits(saga) {
  const waiting = saga.waiting_for;
  if (!waiting) return null;
  const often = waiting.sendings > 1 ? `, sent ${waiting.sendings} times` : '';
  return make('li', { class: waiting.undo ? 'sent undo' : 'sent' },
    make('p', {},
      tag(waiting.undo ? 'undo-sent' : 'sent', 'waits'),
      make('strong', {}, waiting.step),
      make('span', {}, `waiting for the reply${waiting.undo ? ' that it is undone' : ''}${often}`),
      moment(waiting.since)));
}

async function showOne(id) {
  const mine = ++asked;
  const saga = await read(`/v1/sagas/${encodeURIComponent(id)}`);
  if (mine !== asked) return;
  const definition = definitions.find((known) => known.type === saga.type);
  const page = at('one');
  const first = page.hidden || page.dataset.saga !== id;
  const title = make('h2', { tabindex: '-1' }, saga.type);
  const parts = [
    make('p', {}, make('a', { href: '#/' }, '← all runs')),
    make('div', { class: 'head' }, title, tag(saga.state), saga.overdue ? tag('overdue') : null),
  ];
  if (definition) parts.push(make('p', { class: 'promise' }, definition.promise));
  if (saga.reason) {
    const stuck = saga.state === 'stuck';
    parts.push(make('p', { class: stuck ? 'reason stuck-reason' : 'reason' },
      `${stuck ? 'Stuck, a person has to look: ' : 'Undone because: '}${saga.reason}`));
  }
  if (definition) parts.push(road(saga, definition));
  parts.push(make('dl', { class: 'facts' },
    fact('Saga', make('span', { class: 'mono' }, saga.saga_id)),
    fact('Reservation', make('a', { class: 'mono', href: saga.links.reservation }, saga.reservation_id)),
    fact('Hotel', make('span', { class: 'mono' }, saga.hotel_id)),
    fact('Asked for', day(saga.created_at)),
    fact('Last change', `${day(saga.updated_at)}, ${between(saga.created_at, saga.updated_at)} later`),
    saga.waiting_for ? fact(whenDue(saga, definition), day(saga.waiting_for.due_at)) : null,
    fact('Shard and epoch', `${saga.shard} / ${saga.epoch}`),
    fact('Definition and version', `${saga.definition} / ${saga.version}`)));
  parts.push(json(`${id}/data`, 'data', saga.data));
  parts.push(make('h3', {}, 'What happened'));
  parts.push(make('ol', { class: 'timeline' }, ...saga.journal.map((entry) => line(saga, entry)),
    ...[waits(saga)].filter((part) => part)));
  replaceKeepingFocus(page, parts);
  page.dataset.saga = id;
  page.hidden = false;
  at('list').hidden = true;
  if (first) title.focus();
}

/* Going round. */

async function show() {
  clearTimeout(timer);
  try {
    if (me === null) await learnMe();
    if (definitions.length === 0) await learnDefinitions();
    await (shown ? showOne(shown) : showList());
    at('problem').hidden = true;
    at('fresh').textContent = `as of ${clock(new Date().toISOString()).slice(0, 8)}`;
  } catch (error) {
    at('problem').textContent = error.message;
    at('problem').hidden = signedOut;
  }
  clearTimeout(timer);
  if (!signedOut && at('refresh').checked && !document.hidden) timer = setTimeout(show, REFRESH_MS);
}

async function learnDefinitions() {
  definitions = (await read('/v1/saga-definitions')).items;
  at('type').append(...definitions.map(({ type }) => make('option', { value: type }, type)));
}

function follow() {
  const id = decodeURIComponent(location.hash.replace(/^#\/?/, ''));
  shown = /^[0-9a-f-]{36}$/.test(id) ? id : null;
  document.title = shown ? `Saga ${shown.slice(-12)} · Bellhop` : 'Bellhop sagas';
  show();
}

function begin() {
  at('sign-out').addEventListener('click', signOut);
  at('state').append(...STATES.map((state) => make('option', { value: state }, state)));
  for (const filter of ['state', 'type']) {
    at(filter).addEventListener('change', () => { cursor = null; show(); });
  }
  at('older').addEventListener('click', () => { cursor = next; show(); });
  at('newest').addEventListener('click', () => { cursor = null; show(); });
  at('refresh').addEventListener('change', show);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) show(); });
  window.addEventListener('hashchange', follow);
  follow();
}

begin();
