// @ts-check
'use strict'

// The OS keyring: this addon and @napi-rs/keyring with the same entries on one private gnome-keyring.

const v8 = require('node:v8')
const vm = require('node:vm')
const { KeyCommand, ProviderKeyStorage, SecureStore } = require('../index.js')
const { PrivateKeyring } = require('../scripts/lib/private-keyring.js')
const { compare, repeated, timed } = require('./compare.js')
const { MANY, of } = require('./files.js')
const { LARGE, SERVICE, SMALL, keys, value } = require('./fixtures.js')
const { fresh, inFreshProcesses } = require('./fresh.js')
const { KeyringBaseline } = require('./keyring-baseline.js')
const { measureMessages } = require('./keyring-messages.js')
const { measureWrites } = require('./keyring-writes.js')
const { latenessOf } = require('./lateness.js')
const { readAll } = require('./tasks/stores.js')

const part = 'keyring'
/** The number of calls of a contestant in a row, so that caches are as warm as in a program that makes several calls. */
const IN_A_ROW = 5

/** @type {(() => void) | undefined} */
let gc

/**
 * @typedef {import('./compare.js').Measurement} Measurement
 * @typedef {import('./files.js').Context} Context
 * @typedef {{ addon: SecureStore, napi: InstanceType<typeof KeyringBaseline>, input: object, env: NodeJS.ProcessEnv }} Both
 */

/**
 * @param {Context} context
 * @returns {AsyncGenerator<Measurement>}
 */
async function* measureKeyring(context) {
  const keyring = await PrivateKeyring.start({ directory: context.dir })
  const before = { ...process.env }
  try {
    // This addon reads it when a store is constructed, libdbus when it connects.
    process.env.DBUS_SESSION_BUS_ADDRESS = keyring.address
    delete process.env.LLXPRT_DISABLE_OS_KEYRING
    const directory = context.fixtures.directory()
    const addon = new SecureStore(SERVICE, { fallbackDir: directory })
    if (!(await addon.isKeychainAvailable())) throw new Error('The private keyring does not work')
    const input = { service: SERVICE, directory, key: keys(1)[0], inKeyring: true }
    yield* allSizes(context, { addon, napi: new KeyringBaseline(SERVICE), input, env: keyring.environment() })
  } finally {
    process.env = before
    keyring.stop()
  }
  yield* measureWrites(context)
}

/**
 * Measures with increasing numbers of keys. The keyring contains no other entries.
 *
 * @param {Context} context
 * @param {Both} both
 * @returns {AsyncGenerator<Measurement>}
 */
async function* allSizes(context, both) {
  let filled = 0
  for (const count of context.quick ? [1, 10, 50] : [1, 10, 50, 200, 1000]) {
    const names = keys(count)
    for (const name of names.slice(filled)) await both.addon.set(name, value(SMALL))
    filled = count
    if ((await both.napi.list()).length !== count) throw new Error('@napi-rs/keyring does not see the same entries')
    yield* readingAll(context, both, count)
    if (count >= 50) yield* measureMessages(both.env, both.addon, count)
    if (count === 50 || count === 1000) yield* single(context, both, count)
    if (count === 50) {
      yield* fiftyKeys(context, both)
      yield* freshProcesses(context, both)
    }
  }
}

/**
 * @param {Context} context
 * @param {Both} both
 * @param {number} count
 * @returns {AsyncGenerator<Measurement>}
 */
async function* readingAll({ quick, say }, { addon, napi, input, env }, count) {
  const command = new KeyCommand(new ProviderKeyStorage({ secureStore: addon }))
  // @napi-rs/keyring takes 7 s and more to read 1,000 keys one by one.
  const once = count >= 200
  /** @type {Record<string, import('./compare.js').Contestant>} */
  const contestants = {
    addon: () => timed(() => readAll(addon)),
    'addon-key-list': () => timed(() => command.run('list')),
    // Long runs use a separate process; see `collectGarbage`.
    'napi-keyring': () =>
      once ? fresh('readAll', { ...input, who: 'napi-keyring' }, env) : timed(() => napi.readAll()),
    'napi-keyring-one-call': () => timed(() => napi.readAllAtOnce()),
  }
  if (count === 1000) say('keyring: @napi-rs/keyring reads 1,000 keys one by one')
  const rounds = { 1: 40, 10: 40, 50: 30, 200: 8, 1000: 5 }[count] ?? 5
  yield compare({
    between: collectGarbage,
    id: `keyring-read-all-${count}`,
    part,
    label: `list and read all, warm, ${of(count)}`,
    contestants,
    rounds: quick ? Math.min(rounds, 8) : rounds,
    every: { 'napi-keyring': once ? Infinity : 3 },
    warmup: once ? 1 : 3,
  })
}

/**
 * Measures calls on one key, and listing, whose cost depends on the number of keys.
 *
 * @param {Context} context
 * @param {Both} both
 * @param {number} count
 * @returns {AsyncGenerator<Measurement>}
 */
async function* single({ quick }, { addon, napi }, count) {
  const [key = ''] = keys(1)
  const rounds = quick ? 5 : count > 50 ? 6 : 20
  // Listing 1,000 keys takes @napi-rs/keyring a second.
  const inARow = count > 50 ? 1 : IN_A_ROW
  yield compare({
    between: collectGarbage,
    id: `keyring-get-${count}`,
    part,
    label: `get, warm, 100 bytes, ${of(count)}`,
    contestants: {
      addon: () => repeated(IN_A_ROW, () => addon.get(key)),
      'napi-keyring': () => repeated(IN_A_ROW, () => napi.get(key)),
      'napi-keyring-sync': () => repeated(IN_A_ROW, () => napi.getSync(key)),
    },
    rounds,
    warmup: 5,
  })
  yield compare({
    between: collectGarbage,
    id: `keyring-set-${count}`,
    part,
    label: `set, 100 bytes, ${of(count)} (set alone is not verified)`,
    contestants: {
      addon: () => repeated(IN_A_ROW, () => addon.set(key, value(SMALL))),
      'napi-keyring-set-get': () => repeated(IN_A_ROW, () => napi.setVerified(key, value(SMALL))),
      'napi-keyring': () => repeated(IN_A_ROW, () => napi.set(key, value(SMALL))),
    },
    rounds,
    warmup: 3,
  })
  yield compare({
    between: collectGarbage,
    id: `keyring-list-${count}`,
    part,
    label: `list, ${of(count)}`,
    contestants: {
      addon: () => repeated(inARow, () => addon.list()),
      'napi-keyring': () => repeated(inARow, () => napi.list()),
    },
    rounds: Math.min(rounds, 12),
    warmup: 1,
  })
}

/** @param {Context} context @param {Both} both @returns {AsyncGenerator<Measurement>} */
async function* fiftyKeys({ quick }, { addon, napi }) {
  const [key = '', large = ''] = keys(2)
  const rounds = quick ? 5 : 15
  yield compare({
    between: collectGarbage,
    id: 'keyring-has-50',
    part,
    label: 'has, 50 keys',
    contestants: {
      addon: () => repeated(IN_A_ROW, () => addon.has(key)),
      'napi-keyring': () => repeated(IN_A_ROW, () => napi.has(key)),
    },
    rounds,
    warmup: 5,
  })
  await addon.set(large, value(LARGE))
  yield compare({
    between: collectGarbage,
    id: 'keyring-get-50-10000',
    part,
    label: 'get, warm, 10 kB, 50 keys',
    contestants: {
      addon: () => repeated(IN_A_ROW, () => addon.get(large)),
      'napi-keyring': () => repeated(IN_A_ROW, () => napi.get(large)),
    },
    rounds,
    warmup: 5,
  })
  yield compare({
    between: collectGarbage,
    id: 'keyring-set-50-10000',
    part,
    label: 'set, 10 kB, 50 keys',
    contestants: {
      addon: () => repeated(IN_A_ROW, () => addon.set(large, value(LARGE))),
      'napi-keyring': () => repeated(IN_A_ROW, () => napi.set(large, value(LARGE))),
    },
    rounds,
    warmup: 3,
  })
  await addon.set(large, value(SMALL))
  const callers = keys(MANY)
  yield compare({
    between: collectGarbage,
    id: 'keyring-get-32-at-once',
    part,
    label: `get, warm, ${MANY} callers at once, time until all are done`,
    contestants: {
      addon: () => timed(() => Promise.all(callers.map((name) => addon.get(name)))),
      'napi-keyring': () => timed(() => Promise.all(callers.map((name) => napi.get(name)))),
    },
    rounds: quick ? 6 : 20,
    warmup: 2,
  })
}

/** @param {Context} context @param {Both} both @returns {AsyncGenerator<Measurement>} */
async function* freshProcesses({ quick }, { input, env }) {
  yield compare({
    id: 'keyring-first-get',
    part,
    label: 'first get, fresh process (connects)',
    contestants: inFreshProcesses('firstGet', ['addon', 'napi-keyring'], input, env),
    rounds: quick ? 8 : 25,
  })
  yield compare({
    id: 'keyring-read-all-cold-50',
    part,
    label: 'list and read all, fresh process, 50 keys',
    contestants: inFreshProcesses('readAll', ['addon', 'addon-key-list', 'napi-keyring'], input, env),
    rounds: quick ? 3 : 10,
  })
  const contestants = ['addon', 'addon-key-list', 'napi-keyring', 'napi-keyring-one-call']
  yield* latenessOf('lateness', 'while 50 keys are listed and read', contestants, input, quick ? 1 : 5, part, env)
}

/**
 * Collects garbage between rounds. An entry of @napi-rs/keyring keeps its connection until it is collected, and the package
 * crashes the process when a connection gets a file descriptor of 1024 or more.
 */
function collectGarbage() {
  gc ??= newCollector()
  gc()
}

function newCollector() {
  v8.setFlagsFromString('--expose-gc')
  return /** @type {() => void} */ (vm.runInNewContext('gc'))
}

module.exports = { measureKeyring }
