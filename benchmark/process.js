// @ts-check
'use strict'

// Measures fresh processes: loading the module, the first calls, memory, and delays of the event loop.

const { compare } = require('./compare.js')
const { of } = require('./files.js')
const { SERVICE, keys, machineSecretOf } = require('./fixtures.js')
const { deriveKeys } = require('./floor.js')
const { inFreshProcesses } = require('./fresh.js')
const { latenessOf } = require('./lateness.js')

const part = 'process'
const KEY = keys(1)[0]

/**
 * @typedef {import('./compare.js').Measurement} Measurement
 * @typedef {import('./files.js').Context} Context
 */

/**
 * @param {Context} context
 * @returns {AsyncGenerator<Measurement>}
 */
async function* measureProcess(context) {
  yield* firstCalls(context)
  yield* readingAll(context)
  yield* memory(context)
  yield* lateness(context)
}

/**
 * Returns the input of tasks on a store.
 *
 * @param {string} directory
 * @param {boolean} [withFloor] whether the floor takes part, which needs the derived keys
 */
async function inputOf(directory, withFloor = true) {
  const machineSecret = machineSecretOf(directory)
  const derivedKeys = withFloor ? await deriveKeys(SERVICE, directory, machineSecret) : {}
  return { directory, machineSecret, service: SERVICE, key: KEY, derivedKeys }
}

/** @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* firstCalls({ fixtures, quick }) {
  const rounds = quick ? 12 : 40
  yield compare({
    id: 'require',
    part,
    label: 'load the module',
    contestants: inFreshProcesses('require', ['addon', 'napi-keyring']),
    rounds,
  })
  const input = await inputOf(await fixtures.files(50))
  yield compare({
    id: 'files-load-and-get',
    part,
    label: 'load the module and get one of 50 keys',
    contestants: inFreshProcesses('loadAndGet', ['addon', 'typescript', 'floor'], input),
    rounds,
    every: { typescript: 4 },
  })
  yield compare({
    id: 'files-first-get',
    part,
    label: 'first get, 50 keys, the module being loaded',
    contestants: inFreshProcesses('firstGet', ['addon', 'baseline', 'floor'], input),
    rounds,
    every: { baseline: 4 },
  })
  // Without a machine secret there is no cache of derived keys.
  const version1 = { directory: await fixtures.filesOfVersion1(50), service: SERVICE, key: KEY }
  yield compare({
    id: 'files-derivation',
    part,
    label: 'first get that derives the key',
    contestants: inFreshProcesses('firstGet', ['addon', 'scrypt'], version1),
    rounds,
  })
}

/** @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* readingAll({ fixtures, quick, say }) {
  for (const count of [1, 10, 50, 200, 1000]) {
    const who = ['addon', 'addon-key-list', 'floor']
    if (count === 50 || (count === 1000 && !quick)) who.push('baseline')
    if (count === 1000 && !quick) say('process: the JavaScript store reads 1,000 keys, which takes about half a minute')
    yield compare({
      id: `files-read-all-cold-${count}`,
      part,
      label: `list and read all, ${of(count)}`,
      contestants: inFreshProcesses('readAll', who, await inputOf(await fixtures.files(count))),
      rounds: quick ? 5 : 15,
      every: { baseline: count === 1000 ? Infinity : 5 },
    })
  }
  yield compare({
    id: 'files-read-all-cold-foreign-50',
    part,
    label: 'list and read all, 50 keys that the JavaScript store wrote, each with a salt of its own',
    contestants: inFreshProcesses('readAll', ['addon', 'addon-key-list', 'baseline'], {
      ...(await inputOf(await fixtures.foreignFiles(50), false)),
    }),
    rounds: quick ? 1 : 2,
    warmup: 0,
  })
}

/** @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* memory({ fixtures, quick }) {
  const rounds = quick ? 3 : 10
  yield compare({
    id: 'memory-of-module',
    part,
    label: 'resident memory that loading the module adds',
    unit: 'MB',
    contestants: inFreshProcesses('memoryOfModule', ['addon', 'napi-keyring', 'idle']),
    rounds,
  })
  const [many, few] = [await inputOf(await fixtures.files(1000)), await inputOf(await fixtures.files(50))]
  yield compare({
    id: 'memory-of-first-use',
    part,
    label: 'resident memory that loading the module and the first get add',
    unit: 'MB',
    contestants: inFreshProcesses('memoryOfFirstUse', ['addon', 'baseline', 'floor'], few),
    rounds,
  })
  yield compare({
    id: 'memory-after-1000',
    part,
    label: 'resident memory of the process after reading 1,000 keys (JavaScript store: 50)',
    unit: 'MB',
    contestants: {
      ...inFreshProcesses('memoryAfterReading', ['addon', 'addon-key-list', 'floor'], many),
      ...inFreshProcesses('memoryAfterReading', ['baseline'], few),
    },
    rounds,
    every: { baseline: 5 },
  })
}

/** @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* lateness({ fixtures, quick }) {
  const input = await inputOf(await fixtures.files(1000))
  const rounds = quick ? 1 : 5
  const reading = ['addon', 'addon-key-list', 'idle']
  yield* latenessOf('lateness', 'while 1,000 keys are listed and read', reading, input, rounds, part)
  yield* latenessOf('latenessAtOnce', 'while 32 callers read', ['addon', 'baseline'], input, rounds, part)
}

module.exports = { inputOf, measureProcess }
