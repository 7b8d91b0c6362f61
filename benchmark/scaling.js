// @ts-check
'use strict'

// Measures how the cost of each operation grows with the number of keys, in files and in the keyring. The floor in the
// keyring is the same operation as raw D-Bus calls: the daemon rewrites its whole file at every write, and takes longer to
// find an item among many.

const { SecureStore } = require('../index.js')
const { KEYRING_PROGRAMS } = require('../scripts/lib/programs.js')
const { PrivateKeyring } = require('../scripts/lib/private-keyring.js')
const { which } = require('../scripts/lib/run.js')
const { compare, repeated, summarize } = require('./compare.js')
const { of } = require('./files.js')
const { SERVICE, SMALL, inFiles, keys, value } = require('./fixtures.js')
const { RawSecretService } = require('./raw-secret-service.js')
const { growthExponent } = require('./statistics.js')
const { readAll } = require('./tasks/stores.js')

const part = 'scaling'
const SIZES = [10, 100, 1000, 10_000]
const OPERATIONS = /** @type {const} */ (['get', 'set', 'list', 'entries'])
/** The attributes of an item, as the `keyring` family stores them. */
const ATTRIBUTES = { service: SERVICE, target: 'default' }

/**
 * @typedef {import('./compare.js').Measurement} Measurement
 * @typedef {Record<typeof OPERATIONS[number], () => unknown>} Calls
 */

/**
 * @param {import('./files.js').Context} context
 * @returns {AsyncGenerator<Measurement>}
 */
async function* measureScaling(context) {
  const sizes = context.quick ? SIZES.slice(0, 2) : SIZES
  yield* growthOf('files', await collect(inDirectories(context, sizes)))
  if (!KEYRING_PROGRAMS.every(which)) return
  yield* growthOf('keyring', await collect(inKeyrings(context, sizes)))
}

/**
 * Yields all measurements, and after them the growth exponent of each operation.
 *
 * @param {string} place
 * @param {Array<[number, Measurement]>} measured
 * @returns {Generator<Measurement>}
 */
function* growthOf(place, measured) {
  for (const [, measurement] of measured) yield measurement
  for (const op of OPERATIONS) {
    const rows = measured.filter(([size, { id }]) => id === `scaling-${place}-${op}-${size}`)
    const names = Object.keys(rows[0]?.[1].contestants ?? {})
    const samples = new Map(
      names.map((who) => {
        /** @type {Array<[number, number]>} */
        const points = rows.map(([size, { contestants }]) => [size, contestants[who]?.median ?? Number.NaN])
        return [who, [[growthExponent(points)]]]
      }),
    )
    const label = `${op}, ${place}: growth exponent between the two largest sizes`
    yield summarize({ id: `scaling-${place}-${op}`, part, label, unit: 'exponent', samples })
  }
}

/**
 * @param {import('./files.js').Context} context
 * @param {number[]} sizes
 * @returns {AsyncGenerator<[number, Measurement]>}
 */
async function* inDirectories({ fixtures, quick }, sizes) {
  for (const size of sizes) {
    const store = new SecureStore(SERVICE, inFiles(fixtures.copy(await fixtures.files(size))))
    for (const op of OPERATIONS) {
      const rounds = quick ? 5 : op === 'get' || op === 'set' ? 60 : size > 1000 ? 5 : 20
      yield [size, await measure('files', op, size, { addon: callsOf(store, size) }, rounds)]
    }
  }
}

/**
 * @param {import('./files.js').Context} context
 * @param {number[]} sizes
 * @returns {AsyncGenerator<[number, Measurement]>}
 */
async function* inKeyrings({ fixtures, quick, dir, say }, sizes) {
  for (const size of sizes) {
    if (size > 1000) say(`scaling: a keyring of ${of(size)}, of which the daemon takes minutes to list`)
    const items = keys(size).map((username) => ({ attributes: { ...ATTRIBUTES, username }, secret: value(SMALL) }))
    const keyring = await PrivateKeyring.start({ directory: dir, items })
    const before = { ...process.env }
    try {
      process.env.DBUS_SESSION_BUS_ADDRESS = keyring.address
      delete process.env.LLXPRT_DISABLE_OS_KEYRING
      const options = { fallbackDir: fixtures.directory(), keyringTimeoutMs: 300_000 }
      const store = new SecureStore(SERVICE, options)
      const raw = await RawSecretService.connect(keyring.address)
      const calls = { addon: callsOf(store, size), 'raw-calls': await rawCallsOf(raw, size) }
      for (const op of OPERATIONS) {
        // The daemon takes half a minute to list 10,000 items.
        const isSlow = size > 1000 && (op === 'list' || op === 'entries')
        const rounds = isSlow ? 1 : quick ? 3 : 10
        yield [size, await measure('keyring', op, size, calls, rounds)]
      }
      raw.close()
    } finally {
      process.env = before
      keyring.stop()
    }
  }
}

/**
 * @param {string} place
 * @param {typeof OPERATIONS[number]} op
 * @param {number} size
 * @param {Record<string, Calls>} calls
 * @param {number} rounds
 */
function measure(place, op, size, calls, rounds) {
  // One call of some microseconds says little.
  const callsPerRound = place === 'files' && (op === 'get' || op === 'set') ? 20 : 1
  return compare({
    id: `scaling-${place}-${op}-${size}`,
    part,
    label: `${op}, ${place}, ${of(size)}`,
    contestants: Object.fromEntries(
      Object.entries(calls).map(([who, call]) => [who, () => repeated(callsPerRound, call[op])]),
    ),
    rounds,
    // Each size is measured with warm caches. Otherwise the exponents would compare a cold cache with a warm one.
    warmup: rounds > 1 ? 2 : 1,
  })
}

/**
 * @param {SecureStore} store
 * @param {number} size
 * @returns {Calls}
 */
function callsOf(store, size) {
  const key = keys(size)[size >> 1] ?? ''
  return {
    get: () => store.get(key),
    set: () => store.set(key, value(SMALL)),
    list: () => store.list(),
    entries: () => readAll(store),
  }
}

/**
 * Resolves to the same operations as raw calls, without encryption, verification or lookup of known items.
 *
 * @param {InstanceType<typeof RawSecretService>} raw
 * @param {number} size
 * @returns {Promise<Calls>}
 */
async function rawCallsOf(raw, size) {
  const username = keys(size)[size >> 1] ?? ''
  const attributes = { service: SERVICE, username }
  const [item = ''] = await raw.find(attributes)
  return {
    get: async () => raw.secrets(await raw.find(attributes)),
    set: () => raw.replace(item, value(SMALL)),
    list: () => raw.list({ service: SERVICE }),
    entries: async () => raw.secrets(await raw.find({ service: SERVICE })),
  }
}

/**
 * @template T
 * @param {AsyncIterable<T>} items
 */
async function collect(items) {
  const all = []
  for await (const item of items) all.push(item)
  return all
}

module.exports = { growthOf, measureScaling }
