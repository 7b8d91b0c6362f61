// @ts-check
'use strict'

// Runs one task in a separate process and prints the figures it measured as a JSON array:
//
//   node benchmark/task.js <task> <input>
//
// A task loads only the modules that it measures.

const { GET, READ_ALL, addon, addonStore, readAll } = require('./tasks/stores.js')

/** @typedef {import('./tasks/stores.js').Input & { op?: string, calls?: number, bytes?: number }} Input */

/** The time for which the event loop is measured under continuous load. */
const WATCH_MS = 500
/** The time for which an idle process is measured. */
const IDLE_MS = 2000

/** @type {Record<string, () => unknown>} */
const MODULES = {
  addon,
  'napi-keyring': () => require('@napi-rs/keyring'),
  idle: () => undefined,
}

/** @type {Record<string, (store: ReturnType<typeof addonStore>, key: string, value: string) => unknown>} */
const OPERATIONS = {
  get: (store, key) => store.get(key),
  set: async (store, key, value) => {
    await store.set(key, value)
    return key
  },
  has: (store, key) => store.has(key),
  list: (store) => store.list(),
  readAll,
}

/** @type {Record<string, (input: Input) => number[] | Promise<number[]>>} */
const TASKS = {
  /** Milliseconds to load the module. */
  require({ who }) {
    const start = performance.now()
    MODULES[who]?.()
    return [performance.now() - start]
  },

  /** Milliseconds of the first `get` of the process, with the module already loaded. */
  firstGet: async (input) => [await time(GET[input.who]?.(input))],

  /** Milliseconds to load the module and to `get` one value. */
  loadAndGet: async (input) => [await time(() => GET[input.who]?.(input)())],

  /** Milliseconds to list and read all keys, as the first call of the process. */
  readAll: async (input) => [await time(READ_ALL[input.who]?.(input))],

  /** Milliseconds of each of many calls of one operation, warm. */
  async warm(input) {
    const { op = 'get', calls = 100, bytes = 100, key } = input
    const store = addonStore(input)
    const work = () => OPERATIONS[op]?.(store, key, 'x'.repeat(bytes))
    for (let i = 0; i < Math.min(calls, 20); i += 1) await work()
    const times = []
    for (let i = 0; i < calls; i += 1) times.push(await time(work))
    return times
  },

  /** Resident memory in MB that loading the module adds. */
  memoryOfModule({ who }) {
    const before = process.memoryUsage.rss()
    MODULES[who]?.()
    return [(process.memoryUsage.rss() - before) / 1e6]
  },

  /** Resident memory in MB that loading the module and the first `get` add. */
  async memoryOfFirstUse(input) {
    const before = process.memoryUsage.rss()
    await GET[input.who]?.(input)()
    return [(process.memoryUsage.rss() - before) / 1e6]
  },

  /** Resident memory in MB, of the whole process, after all keys were read. */
  async memoryAfterReading(input) {
    await READ_ALL[input.who]?.(input)()
    return [process.memoryUsage.rss() / 1e6]
  },

  /** Delay of the event loop while all keys are read repeatedly: 99th percentile and maximum in milliseconds. */
  async lateness(input) {
    const { eventLoopDelay, pause } = require('./tasks/event-loop.js')
    const work = input.who === 'idle' ? pause : READ_ALL[input.who]?.(input)
    await work?.()
    return eventLoopDelay(() => repeat(WATCH_MS, work))
  },

  /** The same while 32 callers read one key each repeatedly. */
  async latenessAtOnce(input) {
    const { eventLoopDelay } = require('./tasks/event-loop.js')
    const get = GET[input.who]?.(input)
    await get?.()
    return eventLoopDelay(() => Promise.all(Array.from({ length: 32 }, () => repeat(WATCH_MS, get))))
  },

  /** Milliseconds of many calls at once. */
  burst: async (input) => [await time(burst(input))],

  /** The largest number of threads of the addon during many calls at once. */
  burstThreads: async (input) => {
    const { newThreads } = require('./tasks/threads.js')
    return [await newThreads(burst(input))]
  },

  /** The largest delay of the event loop during many calls at once, in milliseconds. */
  burstDelay: async (input) => {
    const { eventLoopDelay } = require('./tasks/event-loop.js')
    const work = burst(input)
    await work()
    return (await eventLoopDelay(work)).slice(1)
  },

  /** Resident memory in MB that many calls at once add to the largest so far. */
  burstMemory: async (input) => {
    const work = burst(input)
    const before = process.memoryUsage.rss() / 1e6
    await work()
    return [Math.max(process.resourceUsage().maxRSS / 1e3 - before, 0)]
  },

  /**
   * Milliseconds in which 8 workers make an eighth of many calls each, at once; with `op: 'threads'`, the number of threads.
   */
  workers: async (input) => {
    const { newThreads } = require('./tasks/threads.js')
    const { inWorkers } = require('./tasks/workers.js')
    if (input.op === 'threads') return [await newThreads(() => inWorkers(8, input))]
    return [await time(() => inWorkers(8, input))]
  },

  /** CPU time in milliseconds of an idle process. Marks the idle time for strace. */
  async idle(input) {
    const { writeSync } = require('node:fs')
    if (input.who !== 'idle') await READ_ALL[input.who]?.(input)()
    await new Promise((resolve) => setTimeout(resolve, 500))
    writeSync(2, 'idle-begin')
    const before = process.cpuUsage()
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
    const { user, system } = process.cpuUsage(before)
    writeSync(2, 'idle-end')
    return [(user + system) / 1000]
  },

  /** Milliseconds of each of many calls of `get`, by state of the log sink. */
  async telemetry(input) {
    const { setLogSink } = addon()
    const store = addonStore(input)
    if (input.who === 'on' || input.who === 'removed') setLogSink(() => {})
    for (let i = 0; i < 50; i += 1) await store.get(input.key)
    if (input.who === 'removed') setLogSink(null)
    for (let i = 0; i < 50; i += 1) await store.get(input.key)
    const times = []
    for (let i = 0; i < 300; i += 1) times.push(await time(() => store.get(input.key)))
    return times
  },
}

/**
 * Returns a function that makes many calls of one operation at once.
 *
 * @param {Input} input
 */
function burst(input) {
  const { op = 'get', calls = 1000, bytes = 100, key, who } = input
  if (who !== 'addon') {
    const get = GET[who]?.(input)
    return () => Promise.all(Array.from({ length: calls }, () => get?.()))
  }
  const store = addonStore(input)
  const value = 'x'.repeat(bytes)
  // Writes go to several keys, because writes of the same key run one after the other.
  const keyOf = (/** @type {number} */ i) => (op === 'set' ? `${key}-${i % 50}` : key)
  return () => Promise.all(Array.from({ length: calls }, (_, i) => OPERATIONS[op]?.(store, keyOf(i), value)))
}

/** @param {number} ms @param {(() => unknown) | undefined} work */
async function repeat(ms, work) {
  for (const end = performance.now() + ms; performance.now() < end; ) await work?.()
}

/** @param {(() => unknown) | undefined} work */
async function time(work) {
  const start = performance.now()
  const result = await work?.()
  const duration = performance.now() - start
  // A missing result must not count as a fast call.
  if (result === undefined || result === null) throw new Error('The task returned no value')
  return duration
}

async function main() {
  const [, , task = '', input = '{}'] = process.argv
  const figures = await TASKS[task]?.(JSON.parse(input))
  console.log(JSON.stringify(figures))
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
