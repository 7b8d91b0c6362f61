// @ts-check
'use strict'

// Encrypted files in a warm process: this addon, the JavaScript store, and a bare write.

const { KeyCommand, ProviderKeyStorage, SecureStore } = require('../index.js')
const { BaselineStore } = require('./baseline.js')
const { bareWrite, bareWritePromises, envelopeOf } = require('./bare-write.js')
const { compare, repeated, timed } = require('./compare.js')
const { LARGE, SERVICE, SMALL, inFiles, keys, machineSecretOf, value } = require('./fixtures.js')
const { readAll } = require('./tasks/stores.js')
const { WriteThread } = require('./tasks/write-thread.js')

const part = 'files'
/** The number of callers at once. */
const MANY = 32

/**
 * @typedef {import('./compare.js').Measurement} Measurement
 * @typedef {{
 *   fixtures: InstanceType<typeof import('./fixtures.js').Fixtures>, quick: boolean, dir: string, say: (what: string) => void,
 * }} Context `dir` is the folder in which stores and keyrings are made; `say` reports progress
 */

/**
 * @param {Context} context
 * @returns {AsyncGenerator<Measurement>}
 */
async function* measureFiles(context) {
  yield* gets(context)
  yield* sets(context)
  yield* updates(context)
  yield* lists(context)
  yield* readingAll(context)
}

/** @param {number} count */
function of(count) {
  return count === 1 ? '1 key' : `${count.toLocaleString('en')} keys`
}

/** @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* gets({ fixtures, quick }) {
  const scenarios = [
    { count: 50, bytes: SMALL, rounds: 200 },
    { count: 50, bytes: LARGE, rounds: 100 },
    { count: 1, bytes: SMALL, rounds: 80 },
    { count: 1000, bytes: SMALL, rounds: 80 },
  ]
  for (const { count, bytes, rounds } of scenarios) {
    const { addon, baseline, names } = await stores(fixtures, count, bytes)
    const keyOf = (/** @type {number} */ round) => names[Math.max(round, 0) % count] ?? ''
    yield compare({
      id: `files-get-${count}-${bytes}`,
      part,
      label: `get, warm, ${size(bytes)}, ${of(count)}`,
      contestants: {
        addon: (round) => repeated(5, () => addon.get(keyOf(round))),
        baseline: (round) => timed(() => baseline.get(keyOf(round))),
      },
      rounds: quick ? rounds / 4 : rounds,
      every: { baseline: 8 },
      warmup: 10,
    })
  }
  const { addon, baseline, names } = await stores(fixtures, 50, SMALL)
  const callers = names.slice(0, MANY)
  yield compare({
    id: 'files-get-32-at-once',
    part,
    label: `get, warm, ${MANY} callers at once, time until all are done`,
    contestants: {
      addon: () => timed(() => Promise.all(callers.map((key) => addon.get(key)))),
      baseline: () => timed(() => Promise.all(callers.map((key) => baseline.get(key)))),
    },
    rounds: quick ? 6 : 30,
    every: { baseline: 6 },
    warmup: 5,
  })
}

/** @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* sets({ fixtures, quick }) {
  const scenarios = [
    { count: 50, bytes: SMALL, rounds: 80, inARow: 10 },
    { count: 50, bytes: LARGE, rounds: 40, inARow: 10 },
    { count: 1, bytes: SMALL, rounds: 40, inARow: 10 },
    { count: 1000, bytes: SMALL, rounds: 80, inARow: 10 },
    // A single call, after other work: the threads sleep, and the caches hold other data.
    { count: 50, bytes: SMALL, rounds: 240, inARow: 1 },
  ]
  const thread = new WriteThread()
  for (const { count, bytes, rounds, inARow } of scenarios) {
    const filled = await fixtures.files(count, bytes)
    const [key = ''] = keys(count)
    const envelope = envelopeOf(filled, key)
    // Each contestant writes to a directory of its own with equal content.
    const [ours = '', bare = '', onThread = '', promises = ''] = Array.from({ length: 4 }, () => fixtures.copy(filled))
    const addon = new SecureStore(SERVICE, inFiles(ours))
    const baseline = baselineOn(fixtures.copy(filled))
    yield compare({
      id: inARow === 1 ? `files-set-single-${count}-${bytes}` : `files-set-${count}-${bytes}`,
      part,
      label: `set, ${size(bytes)}, ${of(count)}${inARow === 1 ? ', a single call' : ''}`,
      contestants: {
        addon: () => repeated(inARow, () => addon.set(key, value(bytes))),
        'bare-write': () => repeated(inARow, () => bareWrite(bare, key, envelope)),
        'bare-write-thread': () => repeated(inARow, () => thread.write(onThread, key, envelope)),
        'bare-write-promises': () => repeated(inARow, () => bareWritePromises(promises, key, envelope)),
        baseline: () => timed(() => baseline.set(key, value(bytes))),
      },
      rounds: quick ? rounds / 4 : rounds,
      every: { baseline: 8 },
      warmup: 5,
    })
  }
  await thread.stop()
  const filled = await fixtures.files(50)
  const addon = new SecureStore(SERVICE, inFiles(fixtures.copy(filled)))
  const baseline = baselineOn(fixtures.copy(filled))
  const callers = keys(MANY)
  yield compare({
    id: 'files-set-32-at-once',
    part,
    label: `set, ${MANY} callers at once, time until all are done`,
    contestants: {
      addon: () => timed(() => Promise.all(callers.map((key) => addon.set(key, value(SMALL))))),
      baseline: () => timed(() => Promise.all(callers.map((key) => baseline.set(key, value(SMALL))))),
    },
    rounds: quick ? 6 : 30,
    every: { baseline: 6 },
    warmup: 3,
  })
}

/** An update that nobody else waits for, compared with a set. @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* updates({ fixtures, quick }) {
  const filled = await fixtures.files(50)
  const [key = ''] = keys(50)
  const updated = new SecureStore(SERVICE, inFiles(fixtures.copy(filled)))
  const written = new SecureStore(SERVICE, inFiles(fixtures.copy(filled)))
  yield compare({
    id: `files-update-50-${SMALL}`,
    part,
    label: `update, uncontended, ${size(SMALL)}, ${of(50)}`,
    contestants: {
      addon: () => timed(() => updated.update(key, () => value(SMALL))),
      'addon-set': () => timed(() => written.set(key, value(SMALL))),
    },
    rounds: quick ? 100 : 500,
    warmup: 10,
  })
}

/** @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* lists({ fixtures, quick }) {
  for (const count of [1, 50, 1000]) {
    const { addon, baseline } = await stores(fixtures, count, SMALL)
    yield compare({
      id: `files-list-${count}`,
      part,
      label: `list, ${of(count)}`,
      contestants: {
        addon: () => repeated(3, () => addon.list()),
        baseline: () => repeated(3, () => baseline.list()),
      },
      rounds: quick ? 10 : 40,
      warmup: 5,
    })
  }
}

/** @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* readingAll({ fixtures, quick, say }) {
  // The JavaScript store takes half a minute for 1,000 keys, so it runs once.
  const scenarios = [
    { count: 1, rounds: 60, every: 6 },
    { count: 10, rounds: 60, every: 10 },
    { count: 50, rounds: 40, every: 8 },
    { count: 200, rounds: 20, every: Infinity },
    { count: 1000, rounds: 20, every: Infinity },
  ]
  for (const { count, rounds, every } of scenarios) {
    const { addon, baseline } = await stores(fixtures, count, SMALL)
    const command = new KeyCommand(new ProviderKeyStorage({ secureStore: addon }))
    /** @type {Record<string, import('./compare.js').Contestant>} */
    const contestants = {
      addon: () => timed(() => readAll(addon)),
      'addon-key-list': () => timed(() => command.run('list')),
      baseline: () => timed(() => baseline.readAll()),
    }
    if (quick && count > 50) delete contestants.baseline
    else if (count === 1000) say('files: the JavaScript store reads 1,000 keys, which takes about half a minute')
    yield compare({
      id: `files-read-all-${count}`,
      part,
      label: `list and read all, warm, ${of(count)}`,
      contestants,
      rounds: quick ? Math.min(rounds, 12) : rounds,
      every: { baseline: every },
      warmup: 3,
    })
  }
}

/**
 * @param {Context['fixtures']} fixtures
 * @param {number} count
 * @param {number} bytes
 */
async function stores(fixtures, count, bytes) {
  const directory = await fixtures.files(count, bytes)
  const addon = new SecureStore(SERVICE, inFiles(directory))
  return { addon, baseline: baselineOn(directory), names: keys(count) }
}

/** @param {string} directory */
function baselineOn(directory) {
  return new BaselineStore(SERVICE, directory, machineSecretOf(directory))
}

/** @param {number} bytes */
function size(bytes) {
  return bytes === LARGE ? '10 kB' : `${bytes} bytes`
}

module.exports = { MANY, measureFiles, of }
