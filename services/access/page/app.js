// The sign-in page. The link's token stands after the # of the address, which a browser sends to nobody, and is used up
// by the button alone: what only looks at links, as mail scanners do, signs nobody in.
'use strict';

const AFTERWARDS = '/dashboard/';
const PATIENCE_MS = 10_000;   // for the session to be known everywhere
const LOOK_AGAIN_MS = 100;

const at = (id) => document.getElementById(id);
const say = (text) => { at('said').textContent = text; };
const ASK = 'Ask an administrator for a sign-in link, or run `bellhop access link`.';

let token = '';

/** What the address says, which is then taken out of it and of the history. */
function takeToken() {
  const given = location.hash.slice(1);
  if (given) {
    token = given;
    history.replaceState(null, '', location.pathname);
  }
  at('form').hidden = !token || !window.isSecureContext;
  if (!window.isSecureContext) {
    say('Open this page over https, or on the machine itself at http://127.0.0.1: whoever is between could read a session.');
  } else {
    say(token ? 'The link is good once.' : ASK);
  }
}

async function signIn(event) {
  event.preventDefault();
  at('form').hidden = true;
  say('Signing in…');
  try {
    const response = await fetch('/v1/session', {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ link: token }),
    });
    const body = await response.json().catch(() => null);
    if (!response.ok) throw new Error(body?.detail ?? `Bellhop answered ${response.status}.`);
    await known();
    location.replace(AFTERWARDS);
  } catch (error) {
    say(error instanceof TypeError ? 'Bellhop does not answer. Is it running?' : error.message);
  }
}

/** Waits until the session that was made a moment ago is known here. */
async function known() {
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until) {
    const response = await fetch('/v1/me', { cache: 'no-store' });
    if (response.ok) return;
    if (response.status === 401) throw new Error('This browser did not keep the cookie of the session; let it keep cookies of this page.');
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  throw new Error('You are signed in, but it is not known everywhere yet. Open the dashboard in a moment.');
}

at('form').addEventListener('submit', signIn);
window.addEventListener('hashchange', takeToken);
takeToken();
