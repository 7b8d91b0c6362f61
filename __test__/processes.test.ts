// The addon in new processes and threads. They end by themselves, once their work is done.

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { SecureStore } from '@llxprt/securestore'
import { describe, expect, inject, test } from 'vitest'
import { FakeKeyring, newDirectory } from './support/helpers'
import { ROOT, runNode } from './support/node'

const inKeyring = () => ({ DBUS_SESSION_BUS_ADDRESS: inject('keyringAddress'), LLXPRT_DISABLE_OS_KEYRING: '' })
const inFiles = () => ({ LLXPRT_DISABLE_OS_KEYRING: '1' })
const MODES: Array<[string, () => NodeJS.ProcessEnv]> = [
  ['keyring', inKeyring],
  ['files', inFiles],
]

describe('R1 a process ends by itself', () => {
  test('when it only loaded the addon', async () => {
    expect(await runNode('console.log(Object.keys(securestore).length > 0)', inFiles())).toBe('true\n')
  })

  test.each(MODES)('when its store is idle and still has its connection and threads: %s', async (_, env) => {
    const dir = JSON.stringify(newDirectory())
    const code = `globalThis.store = new securestore.SecureStore('idle', { fallbackDir: ${dir} })
      await store.set('key', 'value')
      console.log(await store.get('key'))`
    expect(await runNode(code, env())).toBe('value\n')
  })

  test('when the adapter it injected is idle', async () => {
    const code = `const entries = new Map()
      globalThis.store = new securestore.SecureStore('idle', { keytarLoader: async () => ({
        getPassword: async (_, account) => entries.get(account) ?? null,
        setPassword: async (_, account, password) => void entries.set(account, password),
        deletePassword: async (_, account) => entries.delete(account),
      }) })
      await store.set('key', 'value')
      console.log(await store.get('key'))`
    expect(await runNode(code)).toBe('value\n')
  })

  test('only after work in flight is done', async () => {
    const code = `const store = new securestore.SecureStore('flight', { fallbackDir: ${JSON.stringify(newDirectory())} })
      store.set('key', 'value').then(() => store.get('key')).then(console.log)`
    expect(await runNode(code, inFiles())).toBe('value\n')
  })

  test('without an active handle', async () => {
    const code = `const store = new securestore.SecureStore('handles', { fallbackDir: ${JSON.stringify(newDirectory())} })
      await store.set('key', 'value')
      await store.get('key')
      setImmediate(() => console.log(JSON.stringify(process.getActiveResourcesInfo().filter((r) => r !== 'Immediate'))))`
    const resources = JSON.parse(await runNode(code, inFiles())) as string[]
    // The handles of standard output are not the addon's.
    expect(resources.filter((name) => !/^(Pipe|TTY|File)/.test(name))).toEqual([])
  })

  test('by process.exit() with calls in flight', async () => {
    const code = `const store = new securestore.SecureStore('exit', { fallbackDir: ${JSON.stringify(newDirectory())} })
      for (let i = 0; i < 20; i++) void store.set('key ' + i, 'value')
      process.exit(0)`
    expect(await runNode(code, inFiles())).toBe('')
  })
})

test.each(MODES)('R3 a hundred sets and gets: %s', async (mode, env) => {
  const code = `const store = new securestore.SecureStore('hundred-${mode}', { fallbackDir: ${JSON.stringify(newDirectory())} })
    const keys = Array.from({ length: 100 }, (_, i) => 'key ' + i)
    for (const key of keys) { await store.set(key, 'v ' + key); if (await store.get(key) !== 'v ' + key) throw key }
    await Promise.all(keys.map((key) => store.set(key, 'w ' + key)))
    const values = await Promise.all(keys.map((key) => store.get(key)))
    console.log(values.every((value, i) => value === 'w ' + keys[i]), (await store.list()).length)
    await Promise.all(keys.map((key) => store.delete(key)))
    console.log((await store.list()).length)`
  expect(await runNode(code, env())).toBe('true 100\n0\n')
})

test.each(MODES)('R1 eight worker threads at once, with errors of their own class: %s', async (mode, env) => {
  const dir = newDirectory()
  const code = `const { Worker } = require('node:worker_threads')
    const work = \`
      const { workerData, parentPort } = require('node:worker_threads')
      const { SecureStore, SecureStoreError } = require(workerData.root)
      const store = new SecureStore('workers-${mode}', { fallbackDir: workerData.dir })
      ;(async () => {
        for (let i = 0; i < 10; i++) {
          const key = 'worker ' + workerData.id + ' key ' + i
          await store.set(key, 'v' + i)
          if (await store.get(key) !== 'v' + i) throw new Error('lost ' + key)
        }
        const error = await store.get('').catch((error) => error)
        parentPort.postMessage(error instanceof SecureStoreError)
      })()
    \`
    const root = ${JSON.stringify(ROOT)}, dir = ${JSON.stringify(dir)}
    const workers = Array.from({ length: 8 }, (_, id) => new Worker(work, { eval: true, workerData: { id, root, dir } }))
    const ends = await Promise.all(workers.map((worker) => new Promise((resolve, reject) => {
      let message
      worker.on('message', (m) => { message = m })
      worker.on('error', reject)
      worker.on('exit', (code) => resolve([message, code]))
    })))
    console.log(JSON.stringify(ends))
    const store = new securestore.SecureStore('workers-${mode}', { fallbackDir: dir })
    console.log((await store.list()).length)`
  const ends = JSON.stringify(Array.from({ length: 8 }, () => [true, 0]))
  expect(await runNode(code, env())).toBe(`${ends}\n80\n`)
})

test('R1 after workers were terminated during calls, a store in their directory works', async () => {
  const code = `const { Worker } = require('node:worker_threads')
    const work = \`
      const { workerData, parentPort } = require('node:worker_threads')
      const { SecureStore } = require(workerData.root)
      const entries = new Map()
      const keytarLoader = async () => ({
        getPassword: async (_, account) => entries.get(account) ?? null,
        setPassword: async (_, account, password) => void entries.set(account, password),
        deletePassword: async (_, account) => entries.delete(account),
      })
      const stores = [new SecureStore('ended', { fallbackDir: workerData.dir }), new SecureStore('ended', { keytarLoader })]
      const spin = (store) => store.set('key', 'value').then(() => store.get('key')).then(() => spin(store))
      for (const store of stores) for (let i = 0; i < 4; i++) void spin(store)
      parentPort.postMessage('busy')
    \`
    const workerData = { root: ${JSON.stringify(ROOT)}, dir: ${JSON.stringify(newDirectory())} }
    for (let round = 0; round < 10; round++) {
      const worker = new Worker(work, { eval: true, workerData })
      await new Promise((resolve) => worker.once('message', resolve))
      await worker.terminate()
    }
    const store = new securestore.SecureStore('ended', { fallbackDir: workerData.dir })
    await store.set('another key', 'after')
    console.log(await store.get('another key'), await store.get('key'))`
  expect(await runNode(code, inFiles())).toBe('after value\n')
})

test('R1 the environment is read through process.env, with the changes that JavaScript made', async () => {
  const address = JSON.stringify(inject('keyringAddress'))
  const code = `process.env.DBUS_SESSION_BUS_ADDRESS = ${address}
    const before = new securestore.SecureStore('environment', { fallbackPolicy: 'deny' })
    process.env.LLXPRT_DISABLE_OS_KEYRING = '1'
    const after = new securestore.SecureStore('environment', { fallbackPolicy: 'deny' })
    console.log(await before.isKeychainAvailable(), await after.isKeychainAvailable())`
  expect(await runNode(code, { LLXPRT_DISABLE_OS_KEYRING: '' })).toBe('true false\n')
})

test('R1 the event loop runs while keys are derived and files are written', async () => {
  // Timers must fire while calls run. No duration is measured.
  const code = `const store = new securestore.SecureStore('loop', { fallbackDir: ${JSON.stringify(newDirectory())} })
    let turns = 0
    const timer = setInterval(() => { turns++ }, 1)
    for (let i = 0; i < 50 && turns < 3; i++) await store.set('key ' + i, 'x'.repeat(1e6))
    clearInterval(timer)
    console.log(turns >= 3)`
  expect(await runNode(code, inFiles())).toBe('true\n')
})

describe('R1 no session bus', () => {
  test.each([
    ['unset', undefined],
    ['empty', ''],
    ['pointing nowhere', 'unix:path=/nonexistent/bus'],
    ['nonsense', 'what?'],
  ])('%s: the keyring is unavailable, and nothing is printed on standard error', async (_, address) => {
    const dir = JSON.stringify(newDirectory())
    const code = `console.log(await securestore.createDefaultKeyringAdapter())
      const store = new securestore.SecureStore('no-bus', { fallbackDir: ${dir} })
      await store.set('key', 'value')
      console.log(await store.isKeychainAvailable(), await store.get('key'))`
    const env = { DBUS_SESSION_BUS_ADDRESS: address, LLXPRT_DISABLE_OS_KEYRING: '' }
    expect(await runNode(code, env)).toBe('null\nfalse value\n')
  })
})

test('R3 a change waits for the change of the same key in another process, until that process is killed', async () => {
  const dir = newDirectory()
  const holder = spawn(
    process.execPath,
    [
      '-e',
      `const { SecureStore } = require(${JSON.stringify(ROOT)})
      const setPassword = () => { console.log('holding'); return new Promise(() => {}) }
      const keytarLoader = async () => ({ setPassword })
      new SecureStore('held', { fallbackDir: ${JSON.stringify(dir)}, keytarLoader }).set('key', 'never')`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const exited = new Promise((resolve) => holder.on('exit', resolve))
  await new Promise((resolve) => holder.stdout.once('data', resolve))

  const keyring = new FakeKeyring()
  const store = new SecureStore('held', { fallbackDir: dir, keytarLoader: keyring.loader })
  const waiting = store.set('key', 'value')
  await store.set('another key', 'not held up')
  expect(keyring.entries.has('held/key')).toBe(false)
  holder.kill('SIGKILL')
  await exited
  await waiting
  expect(keyring.entries.get('held/key')).toBe('value')
  expect(readdirSync(dir).filter((name) => name.endsWith('.enc'))).toEqual([])
})

test('R7B.1 a later process reads the value in the file when the keyring is back with an older one', async () => {
  const dir = newDirectory()
  const keyringFile = path.join(newDirectory(), 'keyring.json')
  // A keyring in a file, which outlives the process as a real one does.
  const store = (fails: boolean) => `
    const fs = require('node:fs')
    const file = ${JSON.stringify(keyringFile)}
    const read = () => (fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {})
    const keytarLoader = async () => ({
      getPassword: async (_, account) => { if (${fails}) throw new Error('locked'); return read()[account] ?? null },
      setPassword: async (_, account, password) => {
        if (${fails}) throw new Error('locked')
        fs.writeFileSync(file, JSON.stringify({ ...read(), [account]: password }))
      },
      deletePassword: async () => { throw new Error('not asked for') },
    })
    const store = new securestore.SecureStore('restarts', { fallbackDir: ${JSON.stringify(dir)}, keytarLoader })`
  await runNode(`${store(false)}; await store.set('key', 'old')`)
  await runNode(`${store(true)}; await store.set('key', 'new')`)
  expect(await runNode(`${store(true)}; console.log(await store.get('key'))`)).toBe('new\n')
  expect(JSON.parse(readFileSync(keyringFile, 'utf8'))).toEqual({ key: 'old' })
  expect(await runNode(`${store(false)}; console.log(await store.get('key'))`)).toBe('new\n')
  expect(JSON.parse(readFileSync(keyringFile, 'utf8'))).toEqual({ key: 'new' })
  expect(readdirSync(dir).filter((name) => name.endsWith('.enc'))).toEqual([])
  expect(await runNode(`${store(false)}; console.log(await store.get('key'))`)).toBe('new\n')
})
