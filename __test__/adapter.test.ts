// Keyrings that JavaScript injects (R1.3).

import { type KeyringAdapter, SecureStore, SecureStoreError } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { codeOf, FakeKeyring, newDirectory, storageError } from './support/helpers'

const SERVICE = 'adapter'

function storeOn(adapter: object, options: object = {}) {
  return new SecureStore(SERVICE, {
    fallbackDir: newDirectory(),
    fallbackPolicy: 'deny',
    keytarLoader: async () => adapter as KeyringAdapter,
    ...options,
  })
}

describe('R1.3 the loader', () => {
  test('is called at first use, once, however many first calls there are', async () => {
    let calls = 0
    const keyring = new FakeKeyring()
    let finish: (keyring: KeyringAdapter) => void = () => {}
    const loading = new Promise<KeyringAdapter>((resolve) => {
      finish = resolve
    })
    let start: () => void = () => {}
    const started = new Promise<void>((resolve) => {
      start = resolve
    })
    const keytarLoader = () => {
      calls += 1
      start()
      return loading
    }
    const store = new SecureStore(SERVICE, { fallbackDir: newDirectory(), keytarLoader })
    expect(calls).toBe(0)
    const first = [store.set('a', '1'), store.get('b'), store.has('c'), store.list(), store.isKeychainAvailable()]
    await started
    finish(keyring)
    await Promise.all(first)
    await store.get('a')
    expect(calls).toBe(1)
    expect(keyring.entries.get(`${SERVICE}/a`)).toBe('1')
  })

  test('has two option names, of which keyringLoader wins', async () => {
    const [newer, older] = [new FakeKeyring(), new FakeKeyring()]
    const fallbackDir = newDirectory()
    await new SecureStore(SERVICE, { fallbackDir, keyringLoader: newer.loader }).set('key', 'value')
    await new SecureStore(SERVICE, { fallbackDir, keyringLoader: newer.loader, keytarLoader: older.loader }).set(
      'b',
      'v',
    )
    expect([...newer.entries.keys()]).toEqual([`${SERVICE}/key`, `${SERVICE}/b`])
    expect(older.calls).toEqual([])
  })

  test('that never settles makes each call a TIMEOUT, and is not called again', async () => {
    let calls = 0
    const store = new SecureStore(SERVICE, {
      fallbackDir: newDirectory(),
      fallbackPolicy: 'deny',
      keyringTimeoutMs: 50,
      keytarLoader: () => {
        calls += 1
        return new Promise(() => {})
      },
    })
    expect(await codeOf(store.get('key'))).toBe('TIMEOUT')
    expect(await codeOf(store.set('key', 'value'))).toBe('TIMEOUT')
    expect(calls).toBe(1)
  })

  test('that returns an object without the methods of an adapter makes each call UNAVAILABLE', async () => {
    for (const adapter of [{}, { getPassword: 7 }, []]) {
      expect(await codeOf(storeOn(adapter).get('key'))).toBe('UNAVAILABLE')
    }
  })
})

describe('R1.3 an adapter’s methods', () => {
  test('are called as methods, with service, account and password', async () => {
    const seen: unknown[][] = []
    class Adapter {
      #value: string | null = null
      async getPassword(...args: unknown[]) {
        seen.push(['get', ...args])
        return this.#value
      }
      async setPassword(...args: [string, string, string]) {
        seen.push(['set', ...args])
        this.#value = args[2]
      }
      async deletePassword(...args: unknown[]) {
        seen.push(['delete', ...args])
        this.#value = null
        return true
      }
      async findCredentials(...args: unknown[]) {
        seen.push(['find', ...args])
        return [{ account: 'key', password: 'value' }]
      }
    }
    const store = storeOn(new Adapter())
    await store.set('key', 'value')
    expect(await store.get('key')).toBe('value')
    expect(await store.delete('key')).toBe(true)
    expect(await store.list()).toEqual(['key'])
    // A value that was written is read back, and so is one that was deleted.
    expect(seen).toEqual([
      ['set', SERVICE, 'key', 'value'],
      ['get', SERVICE, 'key'],
      ['get', SERVICE, 'key'],
      ['delete', SERVICE, 'key'],
      ['get', SERVICE, 'key'],
      ['find', SERVICE],
    ])
  })

  test('are looked up at each call, so that a method replaced later is used', async () => {
    const keyring = new FakeKeyring()
    const store = storeOn(keyring)
    await store.set('key', 'value')
    keyring.getPassword = async () => 'replaced'
    expect(await store.get('key')).toBe('replaced')
  })

  test('may return a value, a thenable or a promise that resolves in a later turn', async () => {
    const answers = [
      () => 'value',
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
      () => ({ then: (resolve: (value: string) => void) => resolve('value') }),
      () => new Promise((resolve) => setImmediate(resolve, 'value')),
    ]
    for (const getPassword of answers) expect(await storeOn({ getPassword }).get('key')).toBe('value')
  })

  test('may report a missing entry by null, by undefined or by an error', async () => {
    for (const getPassword of [
      async () => null,
      async () => undefined,
      async () => {
        throw new Error('Item not found')
      },
      async () => {
        throw Object.assign(new Error('No such thing'), { code: 'ENOENT' })
      },
    ]) {
      expect(await storeOn({ getPassword }).get('key')).toBeNull()
    }
  })

  test('that return something other than a string are UNAVAILABLE, and the value is not shown', async () => {
    const error = await storageError(storeOn({ getPassword: async () => ['sk-secret'] }).has('key'))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).toContain('must be a string, not an object')
    expect(`${error.message}${error.stack}`).not.toContain('sk-secret')
  })

  test('may lack findCredentials, and list then finds nothing (R3.7)', async () => {
    const { getPassword, setPassword, deletePassword } = new FakeKeyring()
    expect(await storeOn({ getPassword, setPassword, deletePassword }).list()).toEqual([])
  })

  test('may list entries without an account, which are left out', async () => {
    const findCredentials = async () => [{ account: 'b' }, {}, null, { account: 7 }, { account: 'a' }]
    expect(await storeOn({ findCredentials }).list()).toEqual(['a', 'b'])
  })
})

describe('R7B.1 the value of a newer file', () => {
  /** A store whose file is newer than the value `older` in the keyring, which works again. */
  async function recovered() {
    const [fallbackDir, keyring] = [newDirectory(), new FakeKeyring()]
    const store = new SecureStore(SERVICE, { fallbackDir, keyringLoader: keyring.loader })
    await store.set('key', 'older')
    keyring.failure = new Error('locked')
    await store.set('key', 'newer')
    keyring.failure = undefined
    return { store, keyring }
  }

  test('is not lost if the keyring accepts it and keeps the older value', async () => {
    const { store, keyring } = await recovered()
    const setPassword = keyring.setPassword.bind(keyring)
    keyring.setPassword = async () => {}
    expect(await store.get('key')).toBe('newer')
    expect((await store.entries()).entries.map(({ value }) => value)).toEqual(['newer'])
    keyring.setPassword = setPassword
    expect(await store.get('key')).toBe('newer')
    expect(await store.locate('key')).toBe('keyring')
  })

  test('is not lost if the keyring fails before its value is known', async () => {
    for (const [answers, held] of [
      [[], 'older'],
      [['older'], 'newer'],
      [['older', 'of another program'], 'newer'],
    ] as Array<[string[], string]>) {
      const { store, keyring } = await recovered()
      keyring.getPassword = async () => {
        const answer = answers.shift()
        if (answer === undefined) throw new Error('locked')
        return answer
      }
      expect(await store.get('key')).toBe('newer')
      expect(answers).toEqual([])
      expect(keyring.entries.get(`${SERVICE}/key`)).toBe(held)
    }
  })

  test('is dropped if another program writes the entry at the same moment', async () => {
    const { store, keyring } = await recovered()
    keyring.setPassword = async (service, account) => {
      keyring.entries.set(`${service}/${account}`, 'of another program')
    }
    expect(await store.get('key')).toBe('of another program')
    expect(await store.locate('key')).toBe('keyring')
  })
})

describe('R6 an adapter’s rejection', () => {
  const rejecting = (error: unknown) =>
    storeOn({
      setPassword: async () => {
        throw error
      },
    }).set('key', 'value')

  test('keeps its message, which decides the code', async () => {
    const table: Array<[string, string]> = [
      ["Couldn't access platform storage: denied", 'UNAVAILABLE'],
      ['errSecUserCanceled', 'DENIED'],
      ['The user cancelled', 'DENIED'],
      ['cancelled by the user', 'DENIED'],
      ['errSecCanceled (-128)', 'DENIED'],
      ['cancelled', 'UNAVAILABLE'],
      ['Keyring is Locked', 'LOCKED'],
      ['Permission refused', 'DENIED'],
      ['Timed out', 'TIMEOUT'],
      ['not found', 'NOT_FOUND'],
      ['whatever', 'UNAVAILABLE'],
    ]
    for (const [message, code] of table) {
      const error = await storageError(rejecting(new Error(message)))
      expect([error.message, error.code]).toEqual([message, code])
    }
  })

  test('that is a SecureStoreError keeps its code and remedy, also from another copy of this module', async () => {
    const error = await storageError(rejecting(new SecureStoreError('locked', 'TIMEOUT', 'Wait')))
    expect(error).toMatchObject({ message: 'locked', code: 'TIMEOUT', remediation: 'Wait' })
    const foreign = Object.assign(new Error('x'), { name: 'SecureStoreError', code: 'LOCKED', remediation: 'Open' })
    expect(await storageError(rejecting(foreign))).toMatchObject({ code: 'LOCKED', remediation: 'Open' })
  })

  test('has the remedy of its code, even if the remedy contains the value', async () => {
    const failing = storeOn({
      setPassword: async () => {
        throw new Error('not found: Save')
      },
    })
    expect(await storageError(failing.set('key', 'Save'))).toMatchObject({
      message: 'not found: ***',
      remediation: 'Save the key first',
    })
  })

  test('may be any value', async () => {
    const hostile = {
      get message(): string {
        throw new Error('no message for you')
      },
    }
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    for (const error of [
      undefined,
      null,
      7,
      'Access denied',
      Symbol('s'),
      {},
      { message: 7 },
      hostile,
      revoked.proxy,
    ]) {
      const { code } = await storageError(rejecting(error))
      expect(code).toBe(error === 'Access denied' ? 'DENIED' : 'UNAVAILABLE')
    }
  })
})
