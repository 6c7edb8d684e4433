# examples/page.js in a browser without a window: the bar moves, Cancel ends a sync, the next one goes on from there,
# the search finds, what people are called is text, a refused key is told, and others get nothing.
# sandbox: --seed 1 --people 6000 --latency 250
# env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
# shellcheck shell=bash
# shellcheck source=test/shell/hosts.sh
. "$ROOT/test/shell/hosts.sh"
node=$(node_with node:sqlite || node_with better-sqlite3) || { skip 'examples/page.js' 'no Node that loads extensions'; exit; }
for browser in chromium-headless-shell chromium chromium-browser google-chrome ''; do here "$browser" && break; done
[ -n "$browser" ] || { skip 'examples/page.js' 'there is no chromium (make setup-ci installs one)'; exit; }
sqlite3 -batch -init /dev/null -cmd '.load ./ortto' :memory: "SELECT ortto_upsert('{\"fields\":{\"email\":\"evil@example.com\",
  \"first_name\":\"<img src=x onerror=document.title=1>\"}}') ->> 'status'" >evil.out

cat >drive.js <<'JS'
const { spawn, spawnSync } = require('child_process'), http = require('http');
const [, , browserPath] = process.argv;
const check = (name, ok, ...seen) => console.log(ok ? `ok ${name}` : `${JSON.stringify(seen)}\nnot ok ${name}`);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const get = (url, options = {}) => new Promise((done) => http.request(url, options, (response) => {
  let text = '';
  response.on('data', (part) => { text += part; }).on('end', () => done({ status: response.statusCode, text }));
}).end(options.body));
const sandbox = (what, body) => get(process.env.ORTTO_API_URL + '/sandbox/' + what, { method: body ? 'POST' : 'GET', body });
const requests = async () => Number((await sandbox('count?path=/v1/person/get')).text);

async function main() {
  // The browser speaks its protocol through two pipes.
  const browser = spawn(browserPath, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
    '--remote-debugging-pipe', `--user-data-dir=${process.cwd()}/profile`], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const page = spawn(process.execPath, ['--no-warnings', 'examples/page.js', 'copy.db']);
  process.on('exit', () => { browser.kill('SIGKILL'); page.kill(); });
  page.stderr.on('data', (text) => process.stdout.write(text));
  const waiting = new Map();
  let buffer = '', number = 0, session;
  browser.stdio[4].on('data', (part) => {
    buffer += part;
    const messages = buffer.split('\0');
    buffer = messages.pop();
    for (const text of messages) {
      const message = JSON.parse(text);
      waiting.get(message.id)?.(message.result ?? message);
    }
  });
  const tell = (method, params = {}) => new Promise((done) => {
    waiting.set(++number, done);
    browser.stdio[3].write(JSON.stringify({ id: number, method, params, sessionId: session }) + '\0');
  });
  const see = async (expression) => (await tell('Runtime.evaluate',
    { expression, returnByValue: true, awaitPromise: true })).result?.value;
  const until = async (expression, seconds = 30) => {
    const begin = Date.now();
    while (!await see(expression) && Date.now() - begin < seconds * 1000) await pause(50);
    return (Date.now() - begin) / 1000;
  };
  const press = async (what) => {
    const at = await see(`(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }))
      (document.querySelector('${what}').getBoundingClientRect())`);
    for (const type of ['mousePressed', 'mouseReleased'])
      await tell('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1 });
  };
  const words = () => see("document.querySelector('#words').textContent");
  const value = () => see("document.querySelector('progress').value");
  const button = (text) => `document.querySelector('button').textContent === '${text}'`;

  const address = await new Promise((done) => page.stdout.once('data', (text) => done(String(text).trim())));
  const { targetId } = await tell('Target.createTarget', { url: address });
  session = (await tell('Target.attachToTarget', { targetId, flatten: true })).sessionId;

  await until("document.querySelector('progress')?.value > 0");
  const half = await value();
  check('the bar shows how far it is', half > 0 && half < 5901 && /^\d+ of 5901 people$/.test(await words()), half, await words());
  await press('button');
  check('the button cancels', await until(button('Sync now')) < 3 && await words() === 'cancelled', await words());
  const before = await requests();
  await press('button');
  await until(button('Cancel'));
  await until(button('Sync now'));
  const more = await requests() - before;
  check('the next sync goes on from there', await words() === '5901 of 5901 people' && more <= 13 - half / 500, await words(), half, more);
  await press('input');
  await tell('Input.insertText', { text: 'EVIL@' });
  await until("document.querySelectorAll('tr').length === 1");
  check('the search finds, and names are text', await see("document.querySelector('table').textContent") ===
    '<img src=x onerror=document.title=1>evil@example.com' && await see('document.title') === 'People' &&
    !await see("document.querySelector('img')"), await see("document.querySelector('table').innerHTML"));
  await sandbox('fault', '{"kind":"status","status":401,"path":"/v1/person/get"}');
  await press('button');
  await until("document.querySelector('#words').textContent.includes('401')");
  check('what is wrong is told', /^ortto: .*answered 401/.test(await words()), await words());
  const refused = await Promise.all([
    get(address + 'people?q=', { headers: { host: 'evil.example' } }),
    get(address + 'sync', { method: 'POST', headers: { origin: 'http://evil.example' } }),
  ]);
  check('other pages get nothing', refused.every(({ status, text }) => status === 404 && !text), refused);
  process.exit();
}
main().catch((error) => { check('examples/page.js', false, String(error)); process.exit(); });
JS
timeout 100 "$node" --no-warnings drive.js "$browser" 2>&1 || not_ok 'examples/page.js ended'
