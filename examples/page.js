#!/usr/bin/env node
// A page that searches a local copy of Ortto's people and keeps it fresh, with a progress bar and a way to cancel.
//
//   ORTTO_API_KEY=... node examples/page.js [DATABASE [PORT]]      then open what it prints
//
// It needs Node 22.13, or better-sqlite3. A statement that waits for the network makes the whole server wait, so
// the sync is a process of its own: this file with --sync. It may be killed at any time, the next one goes on from
// there. How far it is stands in ortto_sync_state. ORTTO_EXTENSION names the extension if it is not ./ortto.
'use strict';
const [, me, path = 'crm.db', port = '0'] = process.argv;

function open(file) {
  let Database;
  try { Database = require('node:sqlite').DatabaseSync; } catch { Database = require('better-sqlite3'); }
  const db = new Database(file, { allowExtension: true });
  db.exec('PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL');
  return db;
}

if (port === '--sync') {
  const db = open(path);
  db.loadExtension(process.env.ORTTO_EXTENSION || './ortto');
  db.prepare("SELECT ortto_sync('ortto_people', 'people')").all();
  process.exit();
}

const db = open(path);
let child = null, problem = '';

function sync() {
  if (child) return;
  let said = problem = '';
  child = require('child_process').spawn(process.execPath, ['--no-warnings', me, path, '--sync']);
  child.stderr.on('data', (text) => { said += text; });
  child.on('close', (code, signal) => {
    child = null;
    problem = code === 0 ? '' : signal ? 'cancelled' : said.replace(/^[^]*?(ortto: .*)[^]*$/, '$1');
  });
}

function ask(sql, ...values) {   // before the first sync there is no table
  try { return db.prepare(sql).all(...values); } catch { return []; }
}

const routes = {
  'GET /': () => page,
  'GET /state': () => ({ working: !!child, problem,
    ...ask('SELECT rows, total FROM ortto_sync_state ORDER BY run DESC LIMIT 1')[0] }),
  'GET /people': (query) => ask(`SELECT first_name, last_name, email, city FROM people
    WHERE coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || coalesce(email, '') LIKE ?
    LIMIT 50`, `%${query.get('q')}%`),
  'POST /sync': () => sync(),
  'POST /cancel': () => child?.kill('SIGKILL'),
};

const page = `<!DOCTYPE html><meta charset="utf-8"><title>People</title>
<meta name="viewport" content="width=device-width"><style>
body { font: 16px sans-serif; margin: 2em } td { padding: .2em 1em .2em 0 } progress { width: 20em }</style>
<p><progress value="0"></progress> <button></button> <span id="words"></span>
<p><input placeholder="name or email" autofocus><table></table>
<script>
const $ = (what) => document.querySelector(what);
let working;
$('button').onclick = () => fetch(working ? '/cancel' : '/sync', { method: 'POST' });
async function search() {
  const people = await (await fetch('/people?q=' + encodeURIComponent($('input').value))).json();
  $('table').replaceChildren();
  for (const one of people) {
    const row = $('table').insertRow();
    for (const value of Object.values(one)) row.insertCell().textContent = value ?? '';
  }
}
$('input').oninput = search;
async function look() {
  const state = await (await fetch('/state')).json(), { rows = 0, total = 0 } = state;
  if (working !== state.working) search();
  working = state.working;
  $('progress').max = total || 1;
  $('progress').value = rows;
  $('button').textContent = working ? 'Cancel' : 'Sync now';
  $('#words').textContent = state.problem || rows + ' of ' + total + ' people';
  setTimeout(look, 300);
}
look();
</script>`;

// Only for this machine, and only for its own page: others that are open in the browser get nothing.
const server = require('http').createServer((request, response) => {
  const self = `http://127.0.0.1:${server.address().port}`, { host, origin = self } = request.headers;
  const url = new URL(request.url, self), route = routes[`${request.method} ${url.pathname}`];
  if (`http://${host}` !== self || origin !== self || !route) return response.writeHead(404).end();
  const answer = route(url.searchParams) ?? {};
  response.setHeader('Content-Type', answer === page ? 'text/html' : 'application/json');
  response.end(answer === page ? page : JSON.stringify(answer));
});
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
process.on('exit', () => child?.kill('SIGKILL'));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit());
sync();
