// Runs the browser phone in Chromium without a screen. Commands come as lines of JSON, {"name": "call", "args": {…}}; each is
// answered by one line, {"result": …} or {"error": "…"}. The end of the input ends the browser.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const bundle = await build({ entryPoints: ['phone.js'], bundle: true, write: false, format: 'iife', logLevel: 'error' });
const script = bundle.outputFiles[0].text;
const server = createServer((req, res) => {
  res.setHeader('Content-Type', 'text/html');
  res.end('<!doctype html><title>phone</title>');
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--allow-loopback-in-peer-connection',
    '--disable-features=WebRtcHideLocalIpsWithMdns', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
});
const context = await browser.newContext({ ignoreHTTPSErrors: true, permissions: ['microphone'] });
const page = await context.newPage();
page.on('console', (m) => console.error(m.text()));
page.on('pageerror', (e) => console.error(String(e)));
await page.goto(`http://127.0.0.1:${server.address().port}/`);
await page.addScriptTag({ content: script });
console.log(JSON.stringify({ result: 'ready' }));

for await (const line of createInterface({ input: process.stdin })) {
  const { name, args } = JSON.parse(line);
  try {
    const result = await page.evaluate(([n, a]) => window.phone[n](a), [name, args]);
    console.log(JSON.stringify({ result: result ?? null }));
  } catch (e) {
    console.log(JSON.stringify({ error: String(e) }));
  }
}
await browser.close();
server.close();
