'use strict';
const path = require('path');

/** What loadExtension takes. */
function getLoadablePath() {
  return path.join(__dirname, 'ortto.so');
}

/** Loads it into a database of better-sqlite3, or of node:sqlite opened with allowExtension. */
function load(db) {
  db.loadExtension(getLoadablePath());
}

module.exports = { load, getLoadablePath };
