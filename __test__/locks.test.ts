// `withLock`, `update` and `refreshCredentials` in one process, in workers and in several processes.

import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import {
  KeyCommand,
  KeychainTokenStorage,
  type OAuthCredentials,
  ProviderKeyStorage,
  SecureStore,
  SecureStoreError,
  type SecureStoreLike,
} from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { codeOf, FakeKeyring, newDirectory, noKeyring } from './support/helpers'
import { ROOT, runNode } from './support/node'

/** Creates a store in new directories. Without a loader, the call that acquires the lock also reads the value. */
function setUp(keyring: object = { keyringLoader: noKeyring }) {
  const options = { fallbackDir: newDirectory(), lockDir: newDirectory(), ...keyring }
  return { options, store: new SecureStore('locks', options) }
}

/** Returns a promise and the function that resolves it. */
function gate() {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

/** Returns code that opens the same store in another process. */
const storeIn = (options: object) =>
  `const store = new securestore.SecureStore('locks', { ...${JSON.stringify(options)}, keyringLoader: async () => null })`

describe('withLock', () => {
  test('resolves with the result of the work, or rejects with its error', async () => {
    const { store } = setUp()
    expect(await store.withLock('key', () => 7)).toBe(7)
    expect(await store.withLock('key', async () => 'late')).toBe('late')
    const error = new Error('mine')
    const failing = store.withLock('key', () => {
      throw error
    })
    await expect(failing).rejects.toBe(error)
    expect(await store.withLock('key', () => 'free again')).toBe('free again')
  })

  test('runs one holder at a time, for all objects of a service', async () => {
    const { options, store } = setUp()
    const other = new SecureStore('locks', options)
    const order: string[] = []
    const { open, opened } = gate()
    const first = store.withLock('key', async () => {
      order.push('first begins')
      await opened
      order.push('first ends')
    })
    const second = other.withLock('key', () => order.push('second'))
    const change = other.set('key', 'value').then(() => order.push('set'))
    // Another key, another service and a read do not wait.
    await other.withLock('another', () => order.push('another'))
    await new SecureStore('elsewhere', options).withLock('key', () => order.push('elsewhere'))
    expect(await other.get('key')).toBeNull()
    open()
    await Promise.all([first, second, change])
    expect(order.slice(0, 4)).toEqual(['first begins', 'another', 'elsewhere', 'first ends'])
    expect(order.slice(4).sort()).toEqual(['second', 'set'])
  })

  test('does not block changes of its key inside the work, by any object', async () => {
    const { options, store } = setUp()
    const { lockDir } = options
    const keyring = new FakeKeyring()
    const service = 'llxprt-code-provider-keys'
    const inner = new SecureStore(service, { fallbackDir: newDirectory(), lockDir, keyringLoader: keyring.loader })
    const wrapped: SecureStoreLike = {
      get: (key) => inner.get(key),
      set: (key, value) => inner.set(key, value),
      delete: (key) => inner.delete(key),
      list: () => inner.list(),
      has: (key) => inner.has(key),
    }
    const direct = new ProviderKeyStorage({ secureStore: inner })
    const indirect = new ProviderKeyStorage({ secureStore: wrapped })
    await inner.withLock('work', async () => {
      await inner.set('work', '1')
      await direct.saveKey('work', '2')
      await indirect.saveKey('work', '3')
      await new KeyCommand(indirect).run('save work 4', { confirmed: true })
      expect(await inner.update('work', (current) => `${current}5`)).toBe('45')
      expect(await inner.withLock('work', () => inner.get('work'))).toBe('45')
      await Promise.all([inner.set('work', '6'), direct.deleteKey('work'), inner.set('work', '7')])
      await store.withLock('key', () => inner.set('work', '8'))
    })
    expect(await inner.get('work')).toBe('8')
  })

  test('covers the calls of a burst inside the work that start in a later turn', async () => {
    const { store } = setUp()
    await store.withLock('key', () => Promise.all(Array.from({ length: 300 }, (_, at) => store.set('key', String(at)))))
    expect(await store.get('key')).toBe('299')
  })

  test('does not cover work that continues after it has ended', async () => {
    const { store } = setUp()
    const { open, opened } = gate()
    let late: Promise<void> | undefined
    await store.withLock('key', () => {
      late = opened.then(() => store.set('key', 'late'))
    })
    const holder = store.withLock('key', async () => {
      open()
      await Promise.race([late, store.isKeychainAvailable(), store.list()])
      expect(await store.get('key')).toBeNull()
    })
    await Promise.all([holder, late])
    expect(await store.get('key')).toBe('late')
  })

  test('is released when its process is killed', async () => {
    const { options, store } = setUp()
    const marker = path.join(newDirectory(), 'held')
    const dying = runNode(`
      ${storeIn(options)}
      await store.withLock('key', async () => {
        require('node:fs').writeFileSync(${JSON.stringify(marker)}, '')
        await store.set('key', 'from the process')
        process.kill(process.pid, 'SIGKILL')
      })`)
    await expect(dying).rejects.toThrow()
    expect(existsSync(marker)).toBe(true)
    expect(await store.withLock('key', () => store.get('key'))).toBe('from the process')
  })

  test('is released when its worker is terminated, and so is the lock of a change whose adapter hangs', async () => {
    const { options, store } = setUp()
    const program = (work: string) => `
      const { parentPort } = require('node:worker_threads')
      const securestore = require(${JSON.stringify(ROOT)})
      const open = (keyringLoader) => new securestore.SecureStore('locks', { ...${JSON.stringify(options)}, keyringLoader })
      const never = new Promise(() => {})
      // Keeps the worker alive.
      setInterval(() => {}, 1000)
      ${work}`
    const works = [
      `open(async () => null).withLock('key', () => { parentPort.postMessage('held'); return never })`,
      `const hangs = { getPassword: () => never, deletePassword: () => never,
         setPassword() { parentPort.postMessage('held'); return never } }
       open(async () => hangs).set('key', 'value')`,
    ]
    for (const work of works) {
      const worker = new Worker(program(work), { eval: true })
      await new Promise((resolve) => worker.once('message', resolve))
      let free = false
      const waiting = store.withLock('key', () => {
        free = true
      })
      await store.list()
      expect(free).toBe(false)
      await worker.terminate()
      await waiting
    }
  })

  test('rejects with UNAVAILABLE and does not run the work if locks are unavailable', async () => {
    const file = path.join(newDirectory(), 'file')
    writeFileSync(file, '')
    const store = new SecureStore('locks', { fallbackDir: newDirectory(), lockDir: file, keyringLoader: noKeyring })
    let ran = false
    const work = () => {
      ran = true
      return null
    }
    expect(await codeOf(store.withLock('key', work))).toBe('UNAVAILABLE')
    expect(await codeOf(store.update('key', work))).toBe('UNAVAILABLE')
    expect(ran).toBe(false)
  })

  test('rejects with CORRUPT for an invalid key, and with a TypeError for a wrong type', async () => {
    const { store } = setUp()
    expect(await codeOf(store.withLock('a/b', () => 1))).toBe('CORRUPT')
    await expect(store.withLock('key', 7 as never)).rejects.toBeInstanceOf(TypeError)
    await expect(store.withLock(7 as never, () => 1)).rejects.toBeInstanceOf(TypeError)
    await expect(store.update('key', null as never)).rejects.toBeInstanceOf(TypeError)
  })
})

describe.each([
  ['with a loader', { keyringLoader: noKeyring }],
  ['with files only', {}],
])('update %s', (_, keyring) => {
  test('stores a string, deletes for null, keeps the value for undefined, and resolves to the stored value', async () => {
    const { store } = setUp(keyring)
    const seen: Array<string | null> = []
    const change = (next: string | null | undefined) => (current: string | null) => {
      seen.push(current)
      return next
    }
    expect(await store.update('key', change(undefined))).toBeNull()
    expect(await store.update('key', change('a'))).toBe('a')
    expect(await store.update('key', async (current) => `${current}b`)).toBe('ab')
    expect(await store.update('key', change(undefined))).toBe('ab')
    expect(await store.update('key', change(null))).toBeNull()
    expect([await store.has('key'), seen]).toEqual([false, [null, null, 'ab', 'ab']])
  })

  test('rejects with the error of its function, and changes nothing', async () => {
    const { store } = setUp(keyring)
    await store.set('key', 'value')
    const error = new Error('mine')
    await expect(store.update('key', () => Promise.reject(error))).rejects.toBe(error)
    await expect(store.update('key', () => 7 as never)).rejects.toBeInstanceOf(TypeError)
    expect(await store.get('key')).toBe('value')
  })

  test('rejects without calling its function when the current value cannot be read', async () => {
    const { options, store } = setUp(keyring)
    await store.set('key', 'value')
    writeFileSync(path.join(options.fallbackDir, 'key.enc'), 'not an envelope')
    let called = false
    const change = () => {
      called = true
      return 'new'
    }
    expect(await codeOf(store.update('key', change))).toBe('CORRUPT')
    expect(called).toBe(false)
  })

  test('calls its function again when another program changed the entry meanwhile', async () => {
    const keyring = new FakeKeyring()
    const { options } = setUp()
    let conflicts = 2
    const set = keyring.setPassword.bind(keyring)
    keyring.setPassword = async (service, account, password) => {
      if (conflicts === 0) return set(service, account, password)
      conflicts -= 1
      await set(service, account, `other${conflicts}`)
      throw new SecureStoreError('changed', 'CONFLICT', 'retry')
    }
    const store = new SecureStore('locks', { ...options, keyringLoader: keyring.loader })
    const seen: Array<string | null> = []
    const stored = await store.update('key', (current) => {
      seen.push(current)
      return `${current}!`
    })
    expect([stored, seen]).toEqual(['other0!', [null, 'other1', 'other0']])
  })

  test('reads through a method that a subclass overrides', async () => {
    class Upper extends SecureStore {
      override async get(key: string): Promise<string | null> {
        return (await super.get(key))?.toUpperCase() ?? null
      }
    }
    const store = new Upper('locks', setUp(keyring).options)
    await store.set('key', 'value')
    expect(await store.update('key', (current) => `${current}!`)).toBe('VALUE!')
  })

  test('loses no update when several processes update at once', async () => {
    const { options, store } = setUp(keyring)
    const [PROCESSES, UPDATES] = [3, 20]
    const program = `
      ${storeIn(options)}
      for (let at = 0; at < ${UPDATES}; at += 1) await store.update('key', (current) => String(Number(current) + 1))`
    await Promise.all(Array.from({ length: PROCESSES }, () => runNode(program)))
    expect(await store.get('key')).toBe(String(PROCESSES * UPDATES))
  })
})

describe('refreshCredentials', () => {
  const fresh = (accessToken: string, expiresAt = Date.now() + 3_600_000) => ({
    serverName: 'server',
    token: { accessToken, tokenType: 'Bearer', expiresAt },
  })
  const tokens = (options: object) => new KeychainTokenStorage('locks', options)

  test('returns fresh credentials, or null if there are none, without a refresh', async () => {
    const storage = tokens(setUp().options)
    const refresh = () => Promise.reject(new Error('not needed'))
    expect(await storage.refreshCredentials('server', refresh)).toBeNull()
    await storage.setCredentials(fresh('good'))
    expect((await storage.refreshCredentials('server', refresh))?.token.accessToken).toBe('good')
    await storage.setCredentials({ serverName: 'server', token: { accessToken: 'for ever', tokenType: 'Bearer' } })
    expect((await storage.refreshCredentials('server', refresh))?.token.accessToken).toBe('for ever')
  })

  test('refreshes credentials that expire within leewayMs or that isStale selects, and stores them first', async () => {
    const storage = tokens(setUp().options)
    const seen: string[] = []
    const refresh = async (credentials: OAuthCredentials) => {
      seen.push(credentials.token.accessToken)
      return fresh('new')
    }
    await storage.setCredentials(fresh('soon', Date.now() + 59_000))
    const refreshed = await storage.refreshCredentials('server', refresh)
    expect(refreshed).toMatchObject({
      serverName: 'server',
      token: { accessToken: 'new' },
      updatedAt: expect.any(Number),
    })
    expect(await storage.getCredentials('server')).toEqual(refreshed)
    await storage.refreshCredentials('server', refresh, { leewayMs: 7_200_000 })
    await storage.refreshCredentials('server', refresh, { isStale: async () => true })
    await storage.refreshCredentials('server', refresh, { isStale: () => false, leewayMs: 7_200_000 })
    expect(seen).toEqual(['soon', 'new', 'new'])
  })

  test('calls refresh once for ten calls at once', async () => {
    const { options } = setUp()
    await tokens(options).setCredentials(fresh('stale', 1))
    let calls = 0
    const refresh = async () => {
      calls += 1
      return fresh('new')
    }
    const results = await Promise.all(
      Array.from({ length: 10 }, () => tokens(options).refreshCredentials('server', refresh)),
    )
    expect(calls).toBe(1)
    expect(new Set(results.map((found) => found?.token.accessToken))).toEqual(new Set(['new']))
  })

  test('rejects with the error of refresh, and the next call refreshes again', async () => {
    const storage = tokens(setUp().options)
    await storage.setCredentials(fresh('stale', 1))
    const error = new Error('mine')
    await expect(storage.refreshCredentials('server', () => Promise.reject(error))).rejects.toBe(error)
    await expect(storage.refreshCredentials('server', async () => null as never)).rejects.toBeInstanceOf(TypeError)
    expect((await storage.getCredentials('server'))?.token.accessToken).toBe('stale')
    expect((await storage.refreshCredentials('server', async () => fresh('new')))?.token.accessToken).toBe('new')
  })

  test('locks also with an injected store', async () => {
    const { options } = setUp()
    const inner = new SecureStore('locks', options)
    const secureStore: SecureStoreLike = {
      get: (key) => inner.get(key),
      set: (key, value) => inner.set(key, value),
      delete: (key) => inner.delete(key),
      list: () => inner.list(),
      has: (key) => inner.has(key),
    }
    const storage = tokens({ secureStore, lockDir: options.lockDir })
    await storage.setCredentials(fresh('stale', 1))
    const refreshed = await storage.refreshCredentials('server', async () => {
      expect(readdirSync(options.lockDir).length).toBeGreaterThan(0)
      return fresh('new')
    })
    expect(refreshed?.token.accessToken).toBe('new')
  })

  test('is done by one of several processes, and again by one if the first was killed meanwhile', async () => {
    const { options } = setUp()
    await tokens(options).setCredentials(fresh('stale', 1))
    const log = newDirectory()
    const program = (dies: boolean) => `
      const storage = new securestore.KeychainTokenStorage('locks', { ...${JSON.stringify(options)}, keyringLoader: async () => null })
      const found = await storage.refreshCredentials('server', async () => {
        require('node:fs').writeFileSync(${JSON.stringify(log)} + '/' + process.pid, '')
        if (${dies}) process.kill(process.pid, 'SIGKILL')
        return { token: { accessToken: 'new', tokenType: 'Bearer', expiresAt: Date.now() + 3600000 } }
      })
      console.log(found.token.accessToken)`
    await expect(runNode(program(true))).rejects.toThrow()
    const outputs = await Promise.all(Array.from({ length: 4 }, () => runNode(program(false))))
    expect(outputs).toEqual(Array.from({ length: 4 }, () => 'new\n'))
    expect(readdirSync(log)).toHaveLength(2)
  })

  test('rejects with a TypeError for arguments and options of a wrong type', async () => {
    const storage = tokens(setUp().options)
    const refresh = async () => fresh('new')
    for (const call of [
      () => storage.refreshCredentials('server', 7 as never),
      () => storage.refreshCredentials(7 as never, refresh),
      () => storage.refreshCredentials('server', refresh, { leewayMs: -1 }),
      () => storage.refreshCredentials('server', refresh, { leewayMs: 'soon' as never }),
      () => storage.refreshCredentials('server', refresh, { isStale: 7 as never }),
    ]) {
      await expect(call()).rejects.toBeInstanceOf(TypeError)
    }
  })
})
