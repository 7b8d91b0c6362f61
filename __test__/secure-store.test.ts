// SecureStore: its most important decisions. tests/store_decisions.rs covers all of them.

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { SecureStore, type SecureStoreOptions } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { codeOf, FakeKeyring, newDirectory, noKeyring, storageError } from './support/helpers'

const SERVICE = 'test-service'

function setUp(options: SecureStoreOptions = {}) {
  const fallbackDir = newDirectory()
  const keyring = new FakeKeyring()
  const store = new SecureStore(SERVICE, { fallbackDir, keytarLoader: keyring.loader, ...options })
  const file = (key: string) => path.join(fallbackDir, `${key}.enc`)
  const withoutKeyring = new SecureStore(SERVICE, { fallbackDir, keytarLoader: noKeyring })
  return { fallbackDir, file, keyring, store, withoutKeyring }
}

describe('with a keyring that works', () => {
  test('R3.1 a value is stored in the keyring, and no file is written', async () => {
    const { fallbackDir, keyring, store } = setUp()
    await store.set('key', 'value')
    expect(keyring.entries.get(`${SERVICE}/key`)).toBe('value')
    expect(readdirSync(fallbackDir)).toEqual([])
    expect(await store.get('key')).toBe('value')
    expect(await store.has('key')).toBe(true)
  })

  test('R3.1 a set that reached the keyring removes a file left over for the key', async () => {
    const { file, store, withoutKeyring } = setUp()
    await withoutKeyring.set('key', 'old')
    expect(existsSync(file('key'))).toBe(true)
    await store.set('key', 'new')
    expect(existsSync(file('key'))).toBe(false)
  })

  test('R3.2 its value wins over the file of a store that had no keyring', async () => {
    const { keyring, store, withoutKeyring } = setUp()
    await withoutKeyring.set('key', 'from the file')
    expect(await store.get('key')).toBe('from the file')
    keyring.entries.set(`${SERVICE}/key`, 'from the keyring')
    expect(await store.get('key')).toBe('from the keyring')
  })

  test('R3.6 delete removes from both and says whether either held it', async () => {
    const { fallbackDir, keyring, store, withoutKeyring } = setUp()
    await withoutKeyring.set('in file', 'value')
    keyring.entries.set(`${SERVICE}/in keyring`, 'value')
    expect(await store.delete('in file')).toBe(true)
    expect(await store.delete('in keyring')).toBe(true)
    expect(await store.delete('nowhere')).toBe(false)
    const files = readdirSync(fallbackDir).filter((name) => name.endsWith('.enc'))
    expect([...keyring.entries, ...files]).toEqual([])
  })

  test('R3.7 list returns the keys of both, sorted, without duplicates and without accounts of probes', async () => {
    const { keyring, store, withoutKeyring } = setUp()
    await withoutKeyring.set('b', 'value')
    await withoutKeyring.set('c', 'value')
    for (const account of ['c', 'a', '__securestore_probe__12345678']) keyring.entries.set(`${SERVICE}/${account}`, 'v')
    expect(await store.list()).toEqual(['a', 'b', 'c'])
  })

  test('R2 it is available, its probe leaves nothing behind, and the result is cached', async () => {
    const { keyring, store } = setUp()
    expect(await Promise.all([store.isKeychainAvailable(), store.isKeychainAvailable()])).toEqual([true, true])
    expect(await store.isKeychainAvailable()).toBe(true)
    expect(keyring.calls).toEqual(['set', 'get', 'delete'])
    expect(keyring.entries.size).toBe(0)
  })

  test('R2 a keyring that returns another value is not available, and the account of the probe is removed', async () => {
    const { keyring, store } = setUp()
    keyring.getPassword = async () => 'something else'
    expect(await store.isKeychainAvailable()).toBe(false)
    expect(keyring.entries.size).toBe(0)
  })
})

describe('without a keyring', () => {
  test('R3.1 a value is stored in an encrypted file of mode 0600', async () => {
    const { file, withoutKeyring } = setUp()
    await withoutKeyring.set('key', 'sk-a-very-secret-value')
    expect(statSync(file('key')).mode & 0o777).toBe(0o600)
    expect(readFileSync(file('key'), 'utf8')).not.toContain('sk-a-very-secret-value')
    expect(await withoutKeyring.get('key')).toBe('sk-a-very-secret-value')
  })

  test('R4.7 the directory is created when it is needed, with mode 0700', async () => {
    const fallbackDir = path.join(newDirectory(), 'a', 'b')
    const store = new SecureStore(SERVICE, { fallbackDir, keytarLoader: noKeyring })
    expect(await store.list()).toEqual([])
    expect(existsSync(fallbackDir)).toBe(false)
    await store.set('key', 'value')
    expect(statSync(fallbackDir).mode & 0o777).toBe(0o700)
  })

  test('R4.4 by default the files are in ~/.llxprt/secure-store, in a directory named after the service', async () => {
    const store = new SecureStore('by-default')
    await store.set('key', 'value')
    const home = process.env.HOME ?? ''
    expect(existsSync(path.join(home, '.llxprt', 'secure-store', 'by-default', 'key.enc'))).toBe(true)
  })

  test('R4.4 the files of a service that is named like a path are in the directory of all services', async () => {
    await new SecureStore('../../escape').set('key', 'value')
    const home = process.env.HOME ?? ''
    expect(existsSync(path.join(home, 'escape'))).toBe(false)
    expect(readdirSync(path.join(home, '.llxprt', 'secure-store'))).toContain('..%2F..%2Fescape')
  })

  test('R2 it is not available', async () => {
    expect(await setUp().withoutKeyring.isKeychainAvailable()).toBe(false)
  })

  test('R4.2 under deny every call rejects with UNAVAILABLE and writes nothing', async () => {
    const { fallbackDir, store } = setUp({ fallbackPolicy: 'deny', keytarLoader: noKeyring })
    await expect(store.set('key', 'value')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'Keyring is unavailable and fallback is denied',
    })
    expect(await codeOf(store.get('key'))).toBe('UNAVAILABLE')
    expect(await codeOf(store.has('key'))).toBe('UNAVAILABLE')
    expect(await codeOf(store.list())).toBe('UNAVAILABLE')
    expect(await codeOf(store.delete('key'))).toBe('UNAVAILABLE')
    expect(readdirSync(fallbackDir)).toEqual([])
  })

  test('R1 a loader that throws or returns null or undefined means that there is no keyring', async () => {
    const loaders = [
      async () => null,
      async () => undefined as unknown as null,
      async () => {
        throw new Error('no such module')
      },
      () => {
        throw new Error('no such module')
      },
    ]
    for (const keytarLoader of loaders) {
      const { file, store } = setUp({ keytarLoader })
      await store.set('key', 'value')
      expect(existsSync(file('key'))).toBe(true)
      expect(await store.get('missing')).toBeNull()
    }
  })
})

describe('with a keyring that fails', () => {
  test('R3.1 a set stores the value in a file, and R7B an older value in the keyring does not come back', async () => {
    const { file, keyring, store } = setUp()
    await store.set('key', 'old')
    keyring.failure = new Error('The keyring is locked')
    await store.set('key', 'new')
    expect(existsSync(file('key'))).toBe(true)
    expect(await store.get('key')).toBe('new')

    keyring.failure = undefined
    expect(await store.get('key')).toBe('new')
    expect(keyring.entries.get(`${SERVICE}/key`)).toBe('new')
    expect(existsSync(file('key'))).toBe(false)
  })

  test('R7B has, get and delete of another store use the newer value too', async () => {
    const { fallbackDir, keyring, store } = setUp()
    await store.set('key', 'old')
    keyring.failure = new Error('The keyring is locked')
    await store.set('key', 'new')
    keyring.failure = undefined
    const another = new SecureStore(SERVICE, { fallbackDir, keytarLoader: keyring.loader })
    expect(await another.has('key')).toBe(true)
    expect(await another.get('key')).toBe('new')
    expect(await another.delete('key')).toBe(true)
    expect(await another.get('key')).toBeNull()
  })

  test('R4.2 under deny a set rejects with the keyring’s own code and writes nothing', async () => {
    const { fallbackDir, keyring, store } = setUp({ fallbackPolicy: 'deny' })
    for (const [message, code] of [
      ['Keychain is locked', 'LOCKED'],
      ['Access denied', 'DENIED'],
      ['The call timed out', 'TIMEOUT'],
      ['No idea', 'UNAVAILABLE'],
    ]) {
      keyring.failure = new Error(message)
      expect(await codeOf(store.set('key', 'value'))).toBe(code)
    }
    expect(readdirSync(fallbackDir)).toEqual([])
  })

  test('R3.4 a get with no file rejects with the keyring’s own error, or gives null when it is unavailable', async () => {
    const { keyring, store } = setUp()
    keyring.failure = new Error('Keychain is locked')
    expect(await codeOf(store.get('key'))).toBe('LOCKED')
    keyring.failure = new Error('No idea')
    expect(await store.get('key')).toBeNull()
    keyring.failure = new Error('Item not found')
    expect(await store.get('key')).toBeNull()
  })

  test('R3.6 a delete replaces the file by a tombstone, reports the failure, and is applied once the keyring is back', async () => {
    const { file, keyring, store, withoutKeyring } = setUp()
    keyring.entries.set(`${SERVICE}/key`, 'older')
    await withoutKeyring.set('key', 'value')
    keyring.failure = new Error('Access denied')
    expect(await codeOf(store.delete('key'))).toBe('DENIED')
    expect(JSON.parse(readFileSync(file('key'), 'utf8'))).toEqual({ v: 2, deleted: true, newerThan: 'injected' })
    expect(await store.get('key')).toBeNull()
    expect(await store.has('key')).toBe(false)
    keyring.failure = undefined
    expect(await store.get('key')).toBeNull()
    expect(keyring.entries.size).toBe(0)
    expect(existsSync(file('key'))).toBe(false)
  })

  test('R3.1 a keyring that holds another value after a set rejects it with CONFLICT, and its value stays', async () => {
    const { fallbackDir, keyring, store } = setUp()
    keyring.setPassword = async (service, account) => void keyring.entries.set(`${service}/${account}`, 'theirs')
    expect(await codeOf(store.set('key', 'ours'))).toBe('CONFLICT')
    expect(keyring.entries.get(`${SERVICE}/key`)).toBe('theirs')
    expect(readdirSync(fallbackDir)).toEqual([])
  })

  test('R3.1 a write that cannot be read back goes to the file, and under deny set rejects', async () => {
    for (const fallbackPolicy of ['allow', 'deny'] as const) {
      const { keyring, store } = setUp({ fallbackPolicy })
      keyring.setPassword = async () => {}
      const setting = store.set('key', 'value')
      if (fallbackPolicy === 'deny') {
        const error = await storageError(setting)
        expect([error.code, error.message]).toEqual([
          'UNAVAILABLE',
          'Keyring write could not be verified and fallback is denied',
        ])
      } else {
        await setting
        expect(await store.get('key')).toBe('value')
      }
    }
  })

  test('R3.6 a credential that remains after its deletion is reported', async () => {
    const { keyring, store } = setUp()
    await store.set('key', 'value')
    keyring.deletePassword = async () => true
    const error = await storageError(store.delete('key'))
    expect([error.code, error.message]).toEqual(['UNAVAILABLE', 'Credential remains after keyring deletion'])
    expect(await store.get('key')).toBe('value')
  })

  test('R3.8 has is true with a file, and rejects with the failure without one', async () => {
    const { keyring, store, withoutKeyring } = setUp()
    await withoutKeyring.set('key', 'value')
    keyring.failure = new Error('No idea')
    expect(await store.has('key')).toBe(true)
    expect(await codeOf(store.has('other'))).toBe('UNAVAILABLE')
  })

  test('R7B a call that the keyring never answers is a TIMEOUT, and a set stores the value in a file', async () => {
    const { keyring, store } = setUp({ keyringTimeoutMs: 50 })
    keyring.getPassword = () => new Promise(() => {})
    keyring.setPassword = () => new Promise(() => {})
    expect(await codeOf(store.get('key'))).toBe('TIMEOUT')
    await store.set('key', 'value')
    expect(await store.get('key')).toBe('value')
  })
})

describe('with invalid files', () => {
  test('R5 a malformed file is CORRUPT for get and has, and a set replaces it', async () => {
    const { file, withoutKeyring } = setUp()
    writeFileSync(file('key'), 'not an envelope')
    const error = await storageError(withoutKeyring.get('key'))
    expect(error.code).toBe('CORRUPT')
    expect(error.remediation).toContain('Re-save the key or re-authenticate')
    expect(await codeOf(withoutKeyring.has('key'))).toBe('CORRUPT')
    await withoutKeyring.set('key', 'value')
    expect(await withoutKeyring.get('key')).toBe('value')
  })

  test('R3.7 list rejects when neither keyring nor directory can be read', async () => {
    const fallbackDir = path.join(newDirectory(), 'a file')
    writeFileSync(fallbackDir, '')
    const store = new SecureStore(SERVICE, { fallbackDir, keytarLoader: noKeyring })
    expect(await codeOf(store.list())).toBe('UNAVAILABLE')
  })
})

test('R3 an invalid key rejects with CORRUPT before the keyring is called', async () => {
  const { keyring, store } = setUp()
  for (const key of ['', '.', '..', 'a/b', 'a\\b', 'a\0b', 'k'.repeat(300), '\ud800']) {
    expect(await codeOf(store.set(key, 'value'))).toBe('CORRUPT')
    expect(await codeOf(store.get(key))).toBe('CORRUPT')
    expect(await codeOf(store.delete(key))).toBe('CORRUPT')
    expect(await codeOf(store.has(key))).toBe('CORRUPT')
  }
  expect(keyring.calls).toEqual([])
})

test('R3 values are returned unchanged by keyring and file: empty, quotes, newlines, other scripts, 1 MiB', async () => {
  const { store, withoutKeyring } = setUp()
  const values = [
    '',
    ' ',
    '"quoted" \'too\'',
    'line\r\nline\n',
    '\ufeffmark',
    '🔑 schlüssel 鍵',
    '\u0000',
    'é'.repeat(2 ** 19),
  ]
  for (const value of values) {
    for (const [key, place] of [['in keyring', store] as const, ['in file', withoutKeyring] as const]) {
      await place.set(key, value)
      expect((await place.get(key)) === value, `${value.length} characters ${key}`).toBe(true)
    }
  }
})

test('R3 a value with an unpaired surrogate is refused as CORRUPT, and one with U+FFFD is stored', async () => {
  const { keyring, store } = setUp()
  // Bun leaves out an unpaired surrogate at the end of some strings.
  for (const value of ['a\ud800b', '\ud800', '\udc00', `${'x'.repeat(100)}\ud800`, `${'é'.repeat(63)}\ud800`]) {
    expect(await codeOf(store.set('key', value))).toBe('CORRUPT')
  }
  expect(await codeOf(store.set('key', '\udc00'))).toBe('CORRUPT')
  expect(keyring.calls).toEqual([])
  await store.set('key', 'a\ufffdb')
  expect(await store.get('key')).toBe('a\ufffdb')
})

test('R3 changes of one key take effect in the order of the calls', async () => {
  const { keyring, store, withoutKeyring } = setUp()
  for (const place of [store, withoutKeyring]) {
    const changes: Promise<unknown>[] = []
    for (let i = 0; i < 20; i += 1) changes.push(place.set('key', `value ${i}`), place.delete('key'))
    changes.push(place.set('key', 'last'))
    await Promise.all(changes)
    expect(await place.get('key')).toBe('last')
  }
  expect(keyring.entries.get(`${SERVICE}/key`)).toBe('last')
})
