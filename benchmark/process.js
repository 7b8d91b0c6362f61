// @ts-check
'use strict'

// What only a fresh process shows: the first call, loading the module, memory; and how much the event loop is held up.

const { statSync } = require('node:fs')
const path = require('node:path')
const { compare, order, settle } = require('./compare.js')
const { of } = require('./files.js')
const { SERVICE, keys } = require('./fixtures.js')
const { fresh } = require('./fresh.js')

const part = 'process'

/**
 * @typedef {import('./compare.js').Measurement} Measurement
 * @typedef {import('./files.js').Context} Context
 */

/**
 * @param {Context} context
 * @returns {AsyncGenerator<Measurement>}
 */
async function* measureProcess(context) {
  yield* modules(context)
  yield* firstCalls(context)
  yield* memory(context)
  yield* lateness(context)
}

/** @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* modules({ quick }) {
  yield compare({
    id: 'require',
    part,
    label: 'require, fresh process',
    contestants: inFreshProcesses('require', ['addon', 'napi-keyring']),
    rounds: quick ? 15 : 40,
  })
  const binaries = new Map([
    ['addon', addonBinary()],
    ['napi-keyring', keyringBinary()],
  ])
  const measured = new Map([...binaries].map(([who, file]) => [who, [[statSync(file).size / 1e6]]]))
  yield settle({ id: 'binary', part, label: 'size of the binary', unit: 'MB', measured })
}

/** @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* firstCalls({ fixtures, quick }) {
  const directory = await fixtures.files(50)
  const input = { directory, service: SERVICE, key: keys(1)[0] }
  yield compare({
    id: 'files-first-get',
    part,
    label: 'first get, fresh process (derives the key)',
    contestants: inFreshProcesses('firstGet', ['addon', 'scrypt', 'baseline'], input),
    rounds: quick ? 12 : 40,
    every: { baseline: 4 },
  })
  for (const count of [1, 10, 50, 200, 1000]) {
    const directory = await fixtures.files(count)
    const who = count === 50 ? ['addon', 'addon-key-list', 'baseline'] : ['addon', 'addon-key-list']
    yield compare({
      id: `files-read-all-cold-${count}`,
      part,
      label: `list and read all, fresh process, ${of(count)}`,
      contestants: inFreshProcesses('readAll', who, { directory, service: SERVICE }),
      rounds: quick ? 5 : 15,
      every: { baseline: 5 },
    })
  }
  yield compare({
    id: 'files-read-all-cold-foreign-50',
    part,
    label: 'the same, 50 keys that the JavaScript store wrote',
    contestants: inFreshProcesses('readAll', ['addon', 'addon-key-list', 'baseline'], {
      directory: await fixtures.foreignFiles(50),
      service: SERVICE,
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
    label: 'resident memory that require adds',
    unit: 'MB',
    contestants: inFreshProcesses('memoryOfModule', ['addon', 'napi-keyring', 'idle']),
    rounds,
  })
  const [many, few] = [await fixtures.files(1000), await fixtures.files(50)]
  yield compare({
    id: 'memory-after-1000',
    part,
    label: 'resident memory of the process after 1,000 keys (JavaScript store: after 50)',
    unit: 'MB',
    contestants: {
      ...inFreshProcesses('memoryAfterReading', ['addon', 'addon-key-list'], { directory: many, service: SERVICE }),
      ...inFreshProcesses('memoryAfterReading', ['baseline'], { directory: few, service: SERVICE }),
    },
    rounds,
    every: { baseline: 5 },
  })
}

/** @param {Context} context @returns {AsyncGenerator<Measurement>} */
async function* lateness({ fixtures, quick }) {
  const directory = await fixtures.files(1000)
  const input = { directory, service: SERVICE, key: keys(1)[0] }
  const rounds = quick ? 1 : 5
  yield* latenessOf(
    'lateness',
    'while 1,000 keys are listed and read',
    ['addon', 'addon-key-list', 'idle'],
    input,
    rounds,
  )
  yield* latenessOf('latenessAtOnce', 'while 32 callers read', ['addon', 'baseline'], input, rounds)
}

/**
 * Two figures of the same processes.
 *
 * @param {'lateness' | 'latenessAtOnce'} task
 * @param {string} when
 * @param {string[]} contestants
 * @param {object} input
 * @param {number} rounds
 * @param {string} [where] the part it belongs to
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {AsyncGenerator<Measurement>}
 */
async function* latenessOf(task, when, contestants, input, rounds, where = part, env = {}) {
  /** @type {Array<Map<string, number[][]>>} */
  const [p99, max] = [new Map(contestants.map((who) => [who, []])), new Map(contestants.map((who) => [who, []]))]
  for (let round = 0; round < rounds; round += 1) {
    for (const who of order(contestants, round)) {
      const [ninetyNine = 0, worst = 0] = await fresh(task, { who, ...input }, env)
      p99?.get(who)?.push([ninetyNine])
      max?.get(who)?.push([worst])
    }
  }
  const id = `${where}-${task === 'lateness' ? 'lateness' : 'lateness-32'}`
  const figures = { part: where, unit: 'ms' }
  if (p99) yield settle({ ...figures, id: `${id}-p99`, label: `event loop, 99th percentile ${when}`, measured: p99 })
  if (max) yield settle({ ...figures, id: `${id}-max`, label: `event loop, worst ${when}`, measured: max })
}

/**
 * @param {string} task
 * @param {string[]} contestants
 * @param {object} [input]
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Record<string, import('./compare.js').Contestant>}
 */
function inFreshProcesses(task, contestants, input = {}, env = {}) {
  return Object.fromEntries(contestants.map((who) => [who, () => fresh(task, { who, ...input }, env)]))
}

/** The binary that index.js loaded. */
function addonBinary() {
  return loaded(path.join(__dirname, '..'))
}

function keyringBinary() {
  require('@napi-rs/keyring')
  return loaded(path.join(path.dirname(require.resolve('@napi-rs/keyring/package.json')), '..'))
}

/** @param {string} folder */
function loaded(folder) {
  const file = Object.keys(require.cache).find(
    (file) => file.endsWith('.node') && path.relative(folder, file).split(path.sep).length <= 2,
  )
  if (file === undefined) throw new Error('no binary was loaded')
  return file
}

module.exports = { inFreshProcesses, latenessOf, measureProcess }
