// Drives the pages in Chromium without a screen, as people do: by what they read. Commands come as lines of JSON,
// {"name": "click", "args": {…}}; each is answered by one line, {"result": …} or {"error": "…"}. The end of the input ends the browser.
// Every person ("who", default "a") has a browser context of their own, with its own session, language and colours.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const people = new Map();
const patience = 30_000; // ms, also on a machine that does much else

// person opens a context. What a good page never does is noted: errors in the console, requests to elsewhere.
async function person({ who = 'a', base, elsewhere = [], locale = 'de-DE', scheme = 'light', width = 1280, height = 800 }) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale, timezoneId: 'Europe/Berlin', colorScheme: scheme, reducedMotion: 'reduce', viewport: { width, height } });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  const faults = [];
  page.on('console', (m) => {
    // An answer that is not success is told by the browser as well; the pages show it to people.
    if (m.type() === 'error' && !/Failed to load resource/.test(m.text())) faults.push(`console: ${m.text()}`);
  });
  page.on('pageerror', (e) => faults.push(`error: ${e.message}`));
  page.on('request', (r) => {
    if (![base, ...elsewhere].some((o) => r.url().startsWith(`${o}/`)) && !/^(data|blob):/.test(r.url())) faults.push(`request to ${r.url()}`);
  });
  page.on('dialog', (d) => {
    if (d.type() !== 'beforeunload') faults.push(`dialog: ${d.message()}`);
    return d.accept();
  });
  people.set(who, { page, context, faults, base });
}

// find names an element as people would: {role, name} or {label} or {text} or, at last, {selector}; within narrows it.
function find(page, a) {
  let root = page;
  if (a.within) root = find(page, a.within);
  const text = (v) => (a.pattern ? new RegExp(v) : v);
  let found;
  if (a.role) found = root.getByRole(a.role, { name: a.name === undefined ? undefined : text(a.name), exact: a.exact });
  else if (a.label !== undefined) found = root.getByLabel(text(a.label), { exact: a.exact });
  else if (a.text !== undefined) found = root.getByText(text(a.text), { exact: a.exact });
  else found = root.locator(a.selector);
  return a.nth === undefined ? found.first() : found.nth(a.nth);
}

const commands = {
  person,
  open: async (p, { path }) => { await p.page.goto(p.base + path, { waitUntil: 'load' }); },
  click: (p, a) => find(p.page, a).click(),
  fill: (p, a) => find(p.page, a).fill(a.value),
  choose: (p, a) => find(p.page, a).selectOption(a.value),
  type: (p, a) => find(p.page, a).pressSequentially(a.value, { delay: 60 }),
  press: (p, a) => p.page.keyboard.press(a.key),
  focus: (p, a) => find(p.page, a).focus(),
  upload: (p, a) => find(p.page, a).setInputFiles(a.path ?? { name: a.file, mimeType: a.type ?? 'text/csv', buffer: Buffer.from(a.value) }),
  sees: async (p, a) => { await find(p.page, a).waitFor({ state: 'visible', timeout: a.timeout ?? patience }); },
  gone: async (p, a) => { await find(p.page, a).waitFor({ state: 'hidden', timeout: a.timeout ?? patience }); },
  value: (p, a) => find(p.page, a).inputValue(),
  text: (p, a) => find(p.page, a).innerText(),
  attribute: (p, a) => find(p.page, a).getAttribute(a.attribute),
  url: (p) => p.page.url().slice(p.base.length),
  // settled waits until nothing that can be seen is being read, and nothing moves.
  settled: async (p) => {
    const waiting = '[aria-busy="true"], .mantine-Loader-root, .mantine-Skeleton-root';
    await p.page.waitForFunction((w) => ![...document.querySelectorAll(w)].some((e) => e.checkVisibility())
      && !document.getAnimations().some((a) => a.playState === 'running' && a.effect?.getTiming().iterations !== Infinity), waiting, { timeout: patience });
    await p.page.waitForTimeout(150);
  },
  evaluate: (p, a) => p.page.evaluate(a.script),
  forget: async (p) => { await p.context.clearCookies(); },
  shot: (p, a) => p.page.screenshot({ path: a.path, fullPage: a.full ?? true }).then(() => null),
  picture: (p, a) => find(p.page, a).screenshot({ path: a.path }).then(() => null),
  faults: (p) => p.faults.splice(0),
  // authenticator plugs a device into the browser that keeps passkeys and is always touched.
  authenticator: async (p) => {
    p.devices = await p.context.newCDPSession(p.page);
    await p.devices.send('WebAuthn.enable');
    const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
    p.device = (await p.devices.send('WebAuthn.addVirtualAuthenticator', { options })).authenticatorId;
  },
  passkeys: async (p) => (await p.devices.send('WebAuthn.getCredentials', { authenticatorId: p.device })).credentials.length,
  // measure notes what the thread that draws does; measured says what took longest at once since then, in ms.
  measure: (p) => browser.startTracing(p.page, { categories: ['__metadata', 'toplevel', 'devtools.timeline'] }),
  measured: async () => {
    const events = JSON.parse((await browser.stopTracing()).toString()).traceEvents;
    const drawing = new Set(events.filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain').map((e) => `${e.pid}:${e.tid}`));
    const tasks = events.filter((e) => e.ph === 'X' && /RunTask$/.test(e.name) && drawing.has(`${e.pid}:${e.tid}`));
    const most = (of) => Math.max(0, ...tasks.map((e) => (e[of] ?? 0) / 1000));
    const worst = tasks.sort((a, b) => (b.tdur ?? 0) - (a.tdur ?? 0))[0];
    const inside = worst ? events.filter((e) => e.ph === 'X' && e.pid === worst.pid && e.tid === worst.tid && e !== worst && e.ts >= worst.ts && e.ts + e.dur <= worst.ts + worst.dur) : [];
    const parts = inside.sort((a, b) => b.dur - a.dur).slice(0, 6).map((e) => `${e.name} ${e.dur / 1000}`);
    return { wall: most('dur'), cpu: most('tdur'), long: tasks.filter((e) => e.dur > 50_000).length, worst: `${tasks.length} tasks, the longest: ${parts.join(', ')}` };
  },
  // axe answers what it finds serious or critical.
  axe: async (p) => {
    await p.page.evaluate(axe);
    return p.page.evaluate(async () => {
      const r = await globalThis.axe.run(document, { resultTypes: ['violations'] });
      return r.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
        .map((v) => `${v.id} (${v.impact}): ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.any[0]?.message ?? ''}`).join(' | ')}`);
    });
  },
};

console.log(JSON.stringify({ result: 'ready' }));
for await (const line of createInterface({ input: process.stdin })) {
  const { name, args = {} } = JSON.parse(line);
  try {
    const result = name === 'person' ? await person(args) : await commands[name](people.get(args?.who ?? 'a'), args ?? {});
    console.log(JSON.stringify({ result: result ?? null }));
  } catch (e) {
    const p = people.get(args?.who ?? 'a');
    const dir = process.env.KOPPELFELD_SHOTS;
    if (p && dir) await p.page.screenshot({ path: `${dir}/failed-${name}.png`, fullPage: true }).catch(() => {});
    const seen = p ? (await p.page.locator('body').innerText().catch(() => '')).slice(0, 1500) : '';
    console.log(JSON.stringify({ error: `${String(e).split('\n').slice(0, 4).join(' ')}\nthe page at ${p?.page.url()} shows:\n${seen}` }));
  }
}
await browser.close();
