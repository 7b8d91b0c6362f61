// @ts-check
'use strict'

// The names of the contestants in tables.

/** @type {Record<string, string>} */
const NAMES = {
  addon: 'this addon',
  'addon-entries': 'this addon, entries()',
  'addon-set': 'this addon, set',
  'addon-key-list': 'this addon, /key list',
  baseline: 'JavaScript store',
  typescript: 'JavaScript store + @napi-rs/keyring',
  floor: 'floor: read and decrypt, key known',
  scrypt: 'scrypt of OpenSSL alone',
  'bare-write': 'floor: bare write + fsyncs',
  'bare-write-thread': 'floor: bare write on another thread',
  'bare-write-promises': 'bare write, fs/promises',
  'raw-calls': 'floor: raw D-Bus calls',
  'napi-keyring': '@napi-rs/keyring',
  'napi-keyring-sync': '@napi-rs/keyring, sync',
  'napi-keyring-one-call': '@napi-rs/keyring, one call',
  'napi-keyring-set-get': '@napi-rs/keyring, set + get',
  idle: 'no work',
  never: 'never had a sink',
  'never-again': 'never had a sink (again)',
  removed: 'had a sink, removed',
  on: 'sink on',
  here: 'this tree',
}

/** @param {string} id */
function nameOf(id) {
  return NAMES[id] ?? id
}

module.exports = { nameOf }
