// @ts-check
'use strict'

// What each way of doing it is called in results.json, and in a table.

/** @type {Record<string, string>} */
const NAMES = {
  addon: 'this addon',
  'addon-key-list': 'this addon, `/key list`',
  baseline: 'JavaScript store',
  scrypt: 'scrypt of OpenSSL alone',
  'bare-write': 'bare write + fsyncs',
  'bare-write-promises': 'bare write, fs/promises',
  'napi-keyring': '@napi-rs/keyring',
  'napi-keyring-sync': '@napi-rs/keyring, sync',
  'napi-keyring-one-call': '@napi-rs/keyring, one call',
  idle: 'doing nothing',
  never: 'never had a sink',
  'never-again': 'never had a sink (again)',
  removed: 'had a sink, removed',
  on: 'sink on',
}

/** @param {string} id */
function nameOf(id) {
  return NAMES[id] ?? id
}

module.exports = { nameOf }
