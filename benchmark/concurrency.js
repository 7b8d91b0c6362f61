// @ts-check
'use strict'

// 1,000 calls at once, each time in a fresh process: duration, threads, delay of the event loop, memory; and 8 workers.

const { PrivateKeyring } = require('../scripts/lib/private-keyring.js')
const { which } = require('../scripts/lib/run.js')
const { KEYRING_PROGRAMS } = require('../scripts/lib/programs.js')
const { SecureStore } = require('../index.js')
const { compare } = require('./compare.js')
const { SERVICE, SMALL, keys, machineSecretOf, value } = require('./fixtures.js')
const { inFreshProcesses } = require('./fresh.js')

const part = 'concurrency'
const CALLS = 1000

/**
 * @typedef {import('./compare.js').Measurement} Measurement
 * @typedef {{ name: string, what: string, input: object, env?: NodeJS.ProcessEnv }} Load a kind of call and its short name
 */

/**
 * @param {import('./files.js').Context} context
 * @returns {AsyncGenerator<Measurement>}
 */
async function* measureConcurrency(context) {
  const { fixtures, quick } = context
  const directory = await fixtures.files(50)
  const files = {
    directory,
    machineSecret: machineSecretOf(directory),
    service: SERVICE,
    key: keys(1)[0],
    calls: CALLS,
  }
  yield* burst({ name: 'files-get', what: 'get, files', input: { ...files, op: 'get' } }, quick)
  const written = { ...files, directory: fixtures.copy(directory) }
  yield* burst({ name: 'files-set', what: 'set, files', input: { ...written, op: 'set' } }, quick)
  if (KEYRING_PROGRAMS.every(which)) yield* inKeyring(context)
  yield* workers(files, quick)
}

/** @param {import('./files.js').Context} context @returns {AsyncGenerator<Measurement>} */
async function* inKeyring({ fixtures, quick, dir }) {
  const keyring = await PrivateKeyring.start({ directory: dir })
  const before = { ...process.env }
  try {
    process.env.DBUS_SESSION_BUS_ADDRESS = keyring.address
    delete process.env.LLXPRT_DISABLE_OS_KEYRING
    const directory = fixtures.directory()
    const store = new SecureStore(SERVICE, { fallbackDir: directory, fallbackPolicy: 'deny' })
    for (const key of keys(50)) await store.set(key, value(SMALL))
    const input = { directory, service: SERVICE, key: keys(1)[0], calls: CALLS, op: 'get', inKeyring: true }
    yield* burst({ name: 'keyring-get', what: 'get, keyring', input, env: keyring.environment() }, quick)
  } finally {
    process.env = before
    keyring.stop()
  }
}

/** @param {Load} load @param {boolean} quick @returns {AsyncGenerator<Measurement>} */
async function* burst({ name, what, input, env }, quick) {
  const label = `${CALLS.toLocaleString('en')} calls at once (${what})`
  // A thousand durable writes take seconds.
  const rounds = quick ? 2 : name.endsWith('set') ? 5 : 15
  /** @param {string} task @param {string[]} who @param {string} figure @param {string} unit */
  const row = (task, who, figure, unit) =>
    compare({
      id: `burst-${name}-${figure}`,
      part,
      label: `${label}: ${figure}`,
      unit,
      contestants: inFreshProcesses(task, who, input, env),
      rounds,
      warmup: 0,
    })
  yield await row('burst', ['addon'], 'duration', 'ms')
  yield await row('burstThreads', ['addon'], 'threads', 'threads')
  yield await row('burstDelay', ['addon', 'idle'], 'delay', 'ms')
  yield await row('burstMemory', ['addon', 'idle'], 'memory', 'MB')
}

/** @param {object} input @param {boolean} quick @returns {AsyncGenerator<Measurement>} */
async function* workers(input, quick) {
  const label = `8 workers, ${CALLS.toLocaleString('en')} calls of get between them (files)`
  const rounds = quick ? 2 : 10
  const row = { part, rounds, warmup: 0 }
  yield compare({
    ...row,
    id: 'workers-duration',
    label: `${label}: duration`,
    contestants: inFreshProcesses('workers', ['addon'], input),
  })
  yield compare({
    ...row,
    id: 'workers-threads',
    label: `${label}: threads of all workers together`,
    unit: 'threads',
    contestants: inFreshProcesses('workers', ['addon'], { ...input, op: 'threads' }),
  })
}

module.exports = { measureConcurrency }
