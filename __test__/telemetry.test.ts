// The events of the addon, to a sink and on standard error.

import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { KeychainTokenStorage, type LogEvent, SecureStore, setLogSink } from '@llxprt/securestore'
import { afterEach, describe, expect, inject, test } from 'vitest'
import { FakeKeyring, newDirectory, noKeyring } from './support/helpers'
import { ROOT, runNode, runNodeWithLog } from './support/node'

const fingerprint = (name: string) => createHash('sha256').update(name).digest('hex').slice(0, 8)
const inFiles = (options: object = {}) =>
  new SecureStore('telemetry', { fallbackDir: newDirectory(), keyringLoader: noKeyring, ...options })

afterEach(() => setLogSink(null))

/** Collects the events until the next call of `setLogSink`. */
function listen(): LogEvent[] {
  const events: LogEvent[] = []
  setLogSink((event) => events.push(event))
  return events
}

const operations = (events: LogEvent[]) => events.filter(({ event }) => event === 'operation')

describe('R8 a sink', () => {
  test('gets the events of an operation in order, as plain objects, before its promise is settled', async () => {
    const events = listen()
    const fallbackDir = newDirectory()
    const before = Date.now()
    await inFiles({ fallbackDir }).set('key', 'value')
    expect(events.at(-1)).toEqual({
      timestamp: expect.any(Number),
      level: 'debug',
      event: 'operation',
      target: 'securestore::store',
      operation: 'set',
      service: 'telemetry',
      key: fingerprint('key'),
      backend: 'file',
      outcome: 'ok',
      fallback: 'no_keyring',
      duration_us: expect.any(Number),
    })
    expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining(['key_derived', 'file_call']))
    expect(events.find(({ event }) => event === 'file_call')?.directory).toBe(fallbackDir)
    for (const [at, event] of events.entries()) {
      expect(Object.getPrototypeOf(event)).toBe(Object.prototype)
      expect(event.timestamp).toBeGreaterThanOrEqual(events[at - 1]?.timestamp ?? before)
    }
  })

  test('gets the backend that failed, also when that is a file', async () => {
    const fallbackDir = newDirectory()
    writeFileSync(path.join(fallbackDir, 'key.enc'), 'not an envelope')
    const store = inFiles({ fallbackDir })
    const events = listen()
    for (const call of [() => store.get('key'), () => store.has('key'), () => store.locate('key')]) {
      await expect(call()).rejects.toMatchObject({ code: 'CORRUPT' })
    }
    const failed = { backend: 'file', outcome: 'failed', code: 'CORRUPT' }
    expect(operations(events)).toMatchObject([failed, failed, failed])
  })

  test('gets the reason why a file was used, and the code of the keyring', async () => {
    const keyring = new FakeKeyring()
    const store = new SecureStore('telemetry', { fallbackDir: newDirectory(), keyringLoader: keyring.loader })
    const events = listen()
    await store.set('key', 'value')
    keyring.failure = new Error('it is locked')
    await store.set('key', 'newer')
    await store.has('key')
    keyring.failure = undefined
    await store.get('key')
    const seen = operations(events).map(({ operation, backend, fallback, keyring_code }) => [
      operation,
      backend,
      fallback,
      keyring_code,
    ])
    expect(seen).toEqual([
      ['set', 'keyring', undefined, undefined],
      ['set', 'file', 'keyring_failed', 'LOCKED'],
      ['has', 'file', 'file_is_newer', undefined],
      ['get', 'file', 'file_is_newer', undefined],
    ])
    const calls = events.filter(({ event }) => event === 'keyring_call')
    expect(calls.every(({ keyring, key }) => keyring === 'injected' && key === fingerprint('key'))).toBe(true)
    expect(await store.isKeychainAvailable()).toBe(true)
    expect(events.find(({ event }) => event === 'probe')).toMatchObject({ service: 'telemetry', available: true })
  })

  test('gets a failure as a warning', async () => {
    const events = listen()
    await expect(inFiles({ fallbackPolicy: 'deny' }).get('key')).rejects.toThrow()
    expect(operations(events)).toMatchObject([{ level: 'warn', outcome: 'failed', code: 'UNAVAILABLE' }])
  })

  test('replaces the previous one, and null removes it', async () => {
    const store = inFiles()
    const first = listen()
    await store.has('key')
    const before = first.length
    const second = listen()
    await store.has('key')
    expect([before > 0, first.length, second.length]).toEqual([true, before, before])
    setLogSink(null)
    await store.has('key')
    expect(second.length).toBe(before)
  })

  test('may remove itself and call the store while it is called', async () => {
    const store = inFiles()
    const events: LogEvent[] = []
    let inside: Promise<boolean> | undefined
    setLogSink((event) => {
      events.push(event)
      inside = store.has('another')
      setLogSink(null)
    })
    await store.has('key')
    expect(await inside).toBe(false)
    expect(events.length).toBe(1)
  })

  test.each([undefined, 0, 'text', {}, [], true, 1n, Symbol('s')].map((value) => [typeof value, value]))(
    'must be a function or null: %s throws a TypeError',
    (_, value) => {
      expect(() => setLogSink(value as never)).toThrow(TypeError)
      expect(() => setLogSink(value as never)).toThrow(/^sink must be a function or null, not /)
    },
  )

  test('that is too slow loses events, and a later event has their number', async () => {
    // Calls of this class all start at once. Without keyring and files each takes no time, and gives one event.
    const tokens = new KeychainTokenStorage('sink', { fallbackPolicy: 'deny' })
    const COUNT = 3000
    const events = listen()
    const calls = Array.from({ length: COUNT }, (_, i) => tokens.getCredentials(`server-${i}`).catch(() => null))
    // Blocks the event loop while the calls end on other threads. A blocked thread has no event to wait for.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000)
    expect(events).toEqual([])
    await Promise.all(calls)
    await inFiles().has('key')
    const dropped = events.reduce((sum, event) => sum + (event.dropped ?? 0), 0)
    expect(dropped).toBeGreaterThan(0)
    expect(operations(events).length).toBeLessThan(COUNT)
    expect(operations(events).filter(({ operation }) => operation === 'get').length + dropped).toBe(COUNT)
  })
})

describe('R8 a process with a sink', () => {
  const store = () =>
    `const store = new securestore.SecureStore('sink', { fallbackDir: ${JSON.stringify(newDirectory())} })`

  test('ends by itself', async () => {
    const code = `let events = 0
      securestore.setLogSink(() => { events++ })
      ${store()}
      await store.set('key', 'value')
      console.log(events > 0)`
    expect(await runNode(code)).toBe('true\n')
  })

  test('survives a sink that throws, and one that rejects', async () => {
    const code = `${store()}
      let events = 0
      securestore.setLogSink(() => { events++; throw new Error('from the sink') })
      await store.set('key', 'value')
      securestore.setLogSink(async () => { events++; throw new Error('from the sink') })
      console.log(await store.get('key'), events > 2)
      securestore.setLogSink(() => ({ get then() { throw new Error('from the sink') } }))
      console.log(await store.get('key'))`
    expect(await runNode(code)).toBe('value true\nvalue\n')
  })

  test('has one for each worker, which gets only the events of that worker', async () => {
    const code = `const { Worker } = require('node:worker_threads')
      const work = \`
        const { parentPort, workerData } = require('node:worker_threads')
        const securestore = require(workerData.root)
        const services = new Set()
        if (workerData.listens) securestore.setLogSink(({ service }) => service && services.add(service))
        const store = new securestore.SecureStore(workerData.service, { fallbackDir: workerData.dir })
        ;(async () => {
          for (let i = 0; i < 20; i++) { await store.set('key', String(i)); await store.get('key') }
          parentPort.postMessage([...services])
        })()
      \`
      const services = new Set()
      securestore.setLogSink(({ service }) => service && services.add(service))
      ${store()}
      const start = (service, dir, listens) => new Promise((resolve) => {
        const workerData = { root: ${JSON.stringify(ROOT)}, service, dir, listens }
        new Worker(work, { eval: true, workerData }).once('message', resolve)
      })
      const workers = [
        start('one', ${JSON.stringify(newDirectory())}, true),
        start('two', ${JSON.stringify(newDirectory())}, true),
        start('without a sink', ${JSON.stringify(newDirectory())}, false),
      ]
      for (let i = 0; i < 20; i++) await store.set('key', 'value')
      console.log(JSON.stringify(await Promise.all(workers)), JSON.stringify([...services]))`
    expect(await runNode(code)).toBe('[["one"],["two"],[]] ["sink"]\n')
  })

  test('survives workers that are terminated while their events are queued', async () => {
    const code = `const { Worker } = require('node:worker_threads')
      const work = \`
        const { parentPort, workerData } = require('node:worker_threads')
        const securestore = require(workerData.root)
        let reported = false
        securestore.setLogSink(() => { if (!reported) { reported = true; parentPort.postMessage('busy') } })
        const store = new securestore.SecureStore('ends', { fallbackDir: workerData.dir })
        const spin = async () => { for (;;) await store.has('key') }
        for (let i = 0; i < 20; i++) void spin()
      \`
      const workerData = { root: ${JSON.stringify(ROOT)}, dir: ${JSON.stringify(newDirectory())} }
      for (let round = 0; round < 5; round++) {
        const worker = new Worker(work, { eval: true, workerData })
        await new Promise((resolve) => worker.once('message', resolve))
        await worker.terminate()
      }
      ${store()}
      await store.set('key', 'after')
      console.log(await store.get('key'))`
    expect(await runNode(code)).toBe('after\n')
  })
})

describe('R8 LLXPRT_SECURESTORE_LOG', () => {
  const work = () => `const dir = ${JSON.stringify(newDirectory())}
    const store = new securestore.SecureStore('log', { fallbackDir: dir })
    await store.set('key', 'value')
    await store.get('missing')`
  const lines = (text: string): LogEvent[] =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))

  test('writes the events that match its filter to standard error as lines of JSON', async () => {
    const { stderr } = await runNodeWithLog(work(), { LLXPRT_SECURESTORE_LOG: 'securestore::store=debug' })
    const events = lines(stderr)
    expect(events.map(({ event }) => event).filter((event) => event !== 'key_derived')).toEqual([
      'operation',
      'operation',
    ])
    expect(Object.keys(events[0] ?? {}).slice(0, 4)).toEqual(['timestamp', 'level', 'event', 'target'])
    expect(operations(events)[0]).toMatchObject({ operation: 'set', key: fingerprint('key'), backend: 'file' })
  })

  test.each([
    ['securestore::keyring=debug', []],
    ['debug', ['file_call', 'key_derived', 'notice', 'operation']],
    ['securestore=debug', ['file_call', 'key_derived', 'notice', 'operation']],
    ['securestore::files=debug,securestore::store=off', ['file_call', 'key_derived']],
    ['warn', ['notice']],
    ['off', []],
    ['', []],
  ])('understands levels and targets: %s', async (filter, expected) => {
    const { stderr } = await runNodeWithLog(work(), { LLXPRT_SECURESTORE_LOG: filter })
    expect([...new Set(lines(stderr).map(({ event }) => event))].sort()).toEqual(expected)
  })

  test('is ignored, with one warning, when it is not a valid filter', async () => {
    const { stderr } = await runNodeWithLog(`${work()}\nnew securestore.SecureStore('again')`, {
      LLXPRT_SECURESTORE_LOG: 'securestore=loud',
    })
    expect(lines(stderr)).toMatchObject([{ level: 'warn', event: 'log_filter' }])
  })

  test('is read through process.env when an object is constructed', async () => {
    const code = `${work()}
      process.env.LLXPRT_SECURESTORE_LOG = 'securestore::store=debug'
      await store.get('before')
      new securestore.SecureStore('log', { fallbackDir: dir })
      await store.get('after')
      delete process.env.LLXPRT_SECURESTORE_LOG
      new securestore.SecureStore('log', { fallbackDir: dir })
      await store.get('off again')`
    const { stderr } = await runNodeWithLog(code, {})
    expect(lines(stderr).map(({ key }) => key)).toEqual([fingerprint('after')])
  })

  test('writes no events of the D-Bus library, which contain its messages', async () => {
    const code = `const store = new securestore.SecureStore('log', { fallbackPolicy: 'deny' })
      await store.set('key', 'value')
      await store.get('key')
      await store.delete('key')`
    const env = { DBUS_SESSION_BUS_ADDRESS: inject('keyringAddress'), LLXPRT_DISABLE_OS_KEYRING: '' }
    const { stderr } = await runNodeWithLog(code, { ...env, LLXPRT_SECURESTORE_LOG: 'trace,zbus=trace' })
    const events = lines(stderr)
    expect(events.filter(({ event }) => event === 'keyring_call').length).toBe(3)
    expect(events.every(({ target }) => target.startsWith('securestore::'))).toBe(true)
  })
})
