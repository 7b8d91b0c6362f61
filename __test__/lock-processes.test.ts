// The locks of keys as several processes and workers use them: exact updates, holders that hang, and one refresh of a token.

import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'
import { KeychainTokenStorage, SecureStore, type SecureStoreOptions } from '@llxprt/securestore'
import { afterEach, describe, expect, inject, test } from 'vitest'
import { codeOf, newDirectory } from './support/helpers'
import { ROOT } from './support/node'

const MODES = [
  ['files, allow', false, 'allow'],
  ['keyring, allow', true, 'allow'],
  ['keyring, deny', true, 'deny'],
] as const

const children = new Set<ChildProcess>()

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
})

/** The environment and the options of a store: in the private keyring, or in files. */
function setUp(inKeyring: boolean, fallbackPolicy: 'allow' | 'deny' = 'allow') {
  const options = { fallbackDir: newDirectory(), lockDir: newDirectory(), fallbackPolicy }
  const env: NodeJS.ProcessEnv = inKeyring
    ? { ...process.env, DBUS_SESSION_BUS_ADDRESS: inject('keyringAddress'), LLXPRT_DISABLE_OS_KEYRING: '' }
    : { ...process.env, LLXPRT_DISABLE_OS_KEYRING: '1' }
  return { service: `locks-${randomUUID()}`, options, env }
}

type SetUp = ReturnType<typeof setUp>

/** Code that makes `store` and `tokens`, for a process or a worker of its own. */
const preamble = ({ service, options }: SetUp) => `
  const { KeychainTokenStorage, SecureStore } = require(${JSON.stringify(ROOT)})
  const store = new SecureStore(${JSON.stringify(service)}, ${JSON.stringify(options)})
  const tokens = new KeychainTokenStorage(${JSON.stringify(service)}, ${JSON.stringify(options)})
  const increment = () => store.update('key', (current) => String(Number(current) + 1))`

/** Starts a process with an IPC channel. Its standard error is ours, so that a failure explains itself. */
function start(settings: SetUp, code: string): ChildProcess {
  const program = `${preamble(settings)}\n;(async () => {${code}\n})()`
  const child = spawn(process.execPath, ['-e', program], {
    env: settings.env,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'json',
  })
  children.add(child)
  return child
}

const message = (child: ChildProcess) => new Promise<unknown>((resolve) => child.once('message', resolve))
const exit = (child: ChildProcess) => new Promise<number | null>((resolve) => child.once('exit', resolve))

/** A store of this process with the same settings. The environment is read when it is constructed. */
function storeOf({ service, options, env }: SetUp, more: SecureStoreOptions = {}): SecureStore {
  return inEnvironment(env, () => new SecureStore(service, { ...options, ...more }))
}

function inEnvironment<T>(env: NodeJS.ProcessEnv, create: () => T): T {
  const before = process.env
  process.env = env
  try {
    return create()
  } finally {
    process.env = before
  }
}

describe.each(MODES)('update is exact: %s', (_, inKeyring, policy) => {
  test('200 increments by 8 processes', async () => {
    const settings = setUp(inKeyring, policy)
    const code = 'for (let at = 0; at < 25; at += 1) await increment()\nprocess.disconnect()'
    const ends = Array.from({ length: 8 }, () => exit(start(settings, code)))
    expect(await Promise.all(ends)).toEqual(Array.from({ length: 8 }, () => 0))
    const store = storeOf(settings)
    expect([await store.get('key'), await store.locate('key')]).toEqual(['200', inKeyring ? 'keyring' : 'file'])
  })

  test('100 increments at once in one process', async () => {
    const settings = setUp(inKeyring, policy)
    const stores = [storeOf(settings), storeOf(settings)]
    const increments = Array.from({ length: 50 }, () =>
      stores.map((store) => store.update('key', (current) => String(Number(current) + 1))),
    )
    const results = await Promise.all(increments.flat())
    expect(results.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => at + 1))
  })

  test('100 increments by 4 workers', async () => {
    const settings = setUp(inKeyring, policy)
    const code = `${preamble(settings)}\n;(async () => { for (let at = 0; at < 25; at += 1) await increment() })()`
    const ends = Array.from({ length: 4 }, () => {
      const worker = new Worker(code, { eval: true, env: settings.env })
      return new Promise((resolve, reject) => worker.once('error', reject).once('exit', resolve))
    })
    await Promise.all(ends)
    expect(await storeOf(settings).get('key')).toBe('100')
  })
})

describe('a holder in another process', () => {
  const HOLD =
    "await store.withLock('key', () => { process.send('held'); return new Promise(() => setInterval(() => {}, 1000)) })"

  test('frees every waiter when it is killed, whatever they wait for', async () => {
    const settings = setUp(false)
    const store = storeOf(settings)
    await store.set('key', '1')
    const holder = start(settings, HOLD)
    expect(await message(holder)).toBe('held')
    const others = Array.from({ length: 3 }, () =>
      start(settings, "process.send('here')\nprocess.send(await increment())"),
    )
    await Promise.all(others.map(message))
    const results = others.map(message)
    const own = store.update('key', (current) => String(Number(current) + 1))
    // A key of its own, and a read of this one, wait for nothing.
    await storeOf(settings).withLock('another', () => undefined)
    expect(await store.get('key')).toBe('1')
    holder.kill('SIGKILL')
    expect([await own, ...(await Promise.all(results))].sort()).toEqual(['2', '3', '4', '5'])
  })

  test('that is stopped holds its lock, and the others go on when it goes on', async () => {
    const settings = setUp(false)
    const holder = start(
      settings,
      `await store.withLock('key', async () => {
        process.send('held')
        await new Promise((resolve) => process.once('message', resolve))
        await store.set('key', 'of the holder')
      })
      process.disconnect()`,
    )
    expect(await message(holder)).toBe('held')
    holder.kill('SIGSTOP')
    holder.send('go on')
    const store = storeOf(settings)
    let ran = false
    const waiting = store.update('key', (current) => {
      ran = true
      return `${current}, then here`
    })
    for (let at = 0; at < 50; at += 1) await store.list()
    expect(ran).toBe(false)
    holder.kill('SIGCONT')
    expect(await waiting).toBe('of the holder, then here')
  })
})

describe('refreshCredentials', () => {
  test.each(MODES)(
    'of 5 processes with one stale token exactly one asks the provider: %s',
    async (_, inKeyring, policy) => {
      const settings = setUp(inKeyring, policy)
      const tokens = inEnvironment(settings.env, () => new KeychainTokenStorage(settings.service, settings.options))
      let [refreshToken, requests] = ['first', 0]
      const provider = createServer(async (request, response) => {
        let body = ''
        for await (const chunk of request) body += chunk
        requests += 1
        const isCurrent = body === refreshToken
        refreshToken = isCurrent ? randomUUID() : 'revoked'
        response
          .setHeader('connection', 'close')
          .writeHead(isCurrent ? 200 : 400)
          .end(refreshToken)
      })
      await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
      const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/`
      const code = `
      process.on('message', async () => {
        const found = await tokens.refreshCredentials('server', async (current) => {
          const response = await fetch('${url}', { method: 'POST', body: current.token.refreshToken })
          if (!response.ok) throw new Error('revoked')
          const refreshToken = await response.text()
          return { token: { ...current.token, accessToken: 'new', refreshToken, expiresAt: Date.now() + 3600000 } }
        })
        process.send(found.token.refreshToken)
      })
      process.send('ready')`
      const processes = Array.from({ length: 5 }, () => start(settings, code))
      await Promise.all(processes.map(message))
      for (let round = 1; round <= 5; round += 1) {
        await tokens.setCredentials({
          serverName: 'server',
          token: { accessToken: 'stale', tokenType: 'Bearer', refreshToken, expiresAt: 1 },
        })
        const answers = processes.map(message)
        for (const child of processes) child.send('go')
        expect(await Promise.all(answers)).toEqual(processes.map(() => refreshToken))
        expect(requests).toBe(round)
      }
      provider.close()
    },
  )
})

describe('where there can be no lock', () => {
  test.each(
    process.platform === 'linux' ? ['/proc/securestore-locks', '/dev/null', '/sys/securestore-locks'] : ['/dev/null'],
  )('nothing runs, and the error names the directory: %s', async (lockDir) => {
    const store = storeOf(setUp(false), { lockDir })
    const tokens = new KeychainTokenStorage('locks', { secureStore: store, lockDir })
    await tokens.setCredentials({
      serverName: 'server',
      token: { accessToken: 'stale', tokenType: 'Bearer', expiresAt: 1 },
    })
    let ran = false
    const work = () => {
      ran = true
      return null
    }
    const refresh = async () => {
      ran = true
      return null as never
    }
    const calls = [store.withLock('key', work), store.update('key', work), tokens.refreshCredentials('server', refresh)]
    for (const call of calls) {
      expect(await codeOf(call)).toBe('UNAVAILABLE')
      await expect(call).rejects.toThrow(`Cannot lock ${lockDir}`)
      await expect(call).rejects.toHaveProperty('remediation', expect.stringContaining('lockDir'))
    }
    expect(ran).toBe(false)
  })
})
