// @ts-check
'use strict'

// One thing done in a process of its own: node benchmark/task.js <task> <input>. Prints what it measured, as a JSON list.
// What a task does not measure it does not load: the first call is to find a process that has done nothing.

/**
 * @typedef {{
 *   who: string, service: string, directory: string, key: string, inKeyring?: boolean,
 * }} Input who does it, with which store (its files are in the directory; with `inKeyring` its keys are in the keyring)
 */

/** What one call does, of each contestant. @type {Record<string, (input: Input) => () => unknown>} */
const FIRST_GET = {
  addon: (input) => {
    const store = addonStore(input)
    return () => store.get(input.key)
  },
  baseline: ({ service, directory, key }) => {
    const { BaselineStore } = require('./baseline.js')
    const store = new BaselineStore(service, directory)
    return () => store.get(key)
  },
  scrypt: () => {
    const { derive, KDF } = require('./baseline.js')
    return () => derive('password', Buffer.alloc(16, 7), 32, KDF)
  },
  'napi-keyring': ({ service, key }) => {
    const { KeyringBaseline } = require('./keyring-baseline.js')
    const keyring = new KeyringBaseline(service)
    return () => keyring.get(key)
  },
}

/** @type {Record<string, (input: Input) => () => unknown>} */
const READ_ALL = {
  addon: (input) => {
    const store = addonStore(input)
    return () => readAll(store)
  },
  'addon-key-list': (input) => {
    const { KeyCommand, ProviderKeyStorage } = require('../index.js')
    const command = new KeyCommand(new ProviderKeyStorage({ secureStore: addonStore(input) }))
    return () => command.run('list')
  },
  baseline: ({ service, directory }) => {
    const { BaselineStore } = require('./baseline.js')
    const store = new BaselineStore(service, directory)
    return () => store.readAll()
  },
  'napi-keyring': ({ service }) => {
    const { KeyringBaseline } = require('./keyring-baseline.js')
    const keyring = new KeyringBaseline(service)
    return () => keyring.readAll()
  },
  'napi-keyring-one-call': ({ service }) => {
    const { KeyringBaseline } = require('./keyring-baseline.js')
    const keyring = new KeyringBaseline(service)
    return () => keyring.readAllAtOnce()
  },
}

/** For how long it is watched how late timers are. */
const LATENESS_MS = 500

/** @type {Record<string, () => unknown>} */
const MODULES = {
  addon: () => require('../index.js'),
  'napi-keyring': () => require('@napi-rs/keyring'),
  idle: () => undefined,
}

/** @type {Record<string, (input: Input) => number[] | Promise<number[]>>} */
const TASKS = {
  /** Milliseconds to load the module. */
  require({ who }) {
    const start = performance.now()
    MODULES[who]?.()
    return [performance.now() - start]
  },

  /** Milliseconds of the first `get` of the process. */
  firstGet: async (input) => [await time(FIRST_GET[input.who]?.(input))],

  /** Milliseconds to list and read all keys, the first thing the process does. */
  readAll: async (input) => [await time(READ_ALL[input.who]?.(input))],

  /** Resident memory in MB that loading the module adds. */
  memoryOfModule({ who }) {
    const before = process.memoryUsage.rss()
    MODULES[who]?.()
    return [(process.memoryUsage.rss() - before) / 1e6]
  },

  /** Resident memory in MB, of the whole process, after all keys were read. */
  async memoryAfterReading(input) {
    await READ_ALL[input.who]?.(input)()
    return [process.memoryUsage.rss() / 1e6]
  },

  /** How late timers were while all keys were read again and again, in milliseconds: the 99th percentile, and the worst. */
  async lateness(input) {
    const { monitorEventLoopDelay } = require('node:perf_hooks')
    const work = input.who === 'idle' ? pause : READ_ALL[input.who]?.(input)
    await work?.()
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const end = performance.now() + LATENESS_MS
    while (performance.now() < end) await work?.()
    // What the last call held up shows at the next timer.
    await pause()
    delay.disable()
    return [delay.percentile(99) / 1e6, delay.max / 1e6]
  },

  /** The same while 32 callers read one key each, again and again. */
  async latenessAtOnce(input) {
    const { monitorEventLoopDelay } = require('node:perf_hooks')
    const get = FIRST_GET[input.who]?.(input)
    await get?.()
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const end = performance.now() + LATENESS_MS
    const caller = async () => {
      while (performance.now() < end) await get?.()
    }
    await Promise.all(Array.from({ length: 32 }, caller))
    await pause()
    delay.disable()
    return [delay.percentile(99) / 1e6, delay.max / 1e6]
  },

  /** Milliseconds of each of many calls of `get`, with a log sink, without one, and after there was one. */
  async telemetry(input) {
    const { setLogSink } = require('../index.js')
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

/** @param {Input} input */
function addonStore({ service, directory, inKeyring = false }) {
  const { SecureStore } = require('../index.js')
  const loader = inKeyring ? {} : { keyringLoader: async () => null }
  return new SecureStore(service, { fallbackDir: directory, ...loader })
}

/** @param {import('@llxprt/securestore').SecureStore} store */
async function readAll(store) {
  const names = await store.list()
  return Promise.all(names.map((name) => store.get(name)))
}

/** @param {(() => unknown) | undefined} work */
async function time(work) {
  const start = performance.now()
  const result = await work?.()
  const duration = performance.now() - start
  // A fast wrong answer is no answer.
  if (result === undefined || result === null) throw new Error('there is no such key')
  return duration
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, 5))
}

async function main() {
  const [, , task = '', input = '{}'] = process.argv
  const result = await TASKS[task]?.(JSON.parse(input))
  console.log(JSON.stringify(result))
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
