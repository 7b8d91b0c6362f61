// Arguments of a wrong type are a TypeError: methods that return a promise reject with it, other functions throw it. Nothing is
// changed.

import {
  createDefaultKeyringAdapter,
  ExtensionSettingsStorage,
  KeychainTokenStorage,
  maskKeyForDisplay,
  ProviderKeyStorage,
  SecureStore,
  SecureStoreError,
  ToolKeyStorage,
  validateKeyName,
} from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { FakeKeyring, newDirectory, noKeyring } from './support/helpers'

/** Values that are not strings. */
const NOT_STRINGS: unknown[] = [
  undefined,
  null,
  true,
  0,
  Number.NaN,
  1n,
  Symbol('s'),
  {},
  [],
  ['key'],
  () => 'key',
  new Date(),
  Buffer.from('key'),
  new Proxy({}, {}),
  Object.create(null),
]

/** Values that are not objects. */
const NOT_OBJECTS: unknown[] = [null, true, 0, 'text', 1n, Symbol('s')]

/** For arguments that the types forbid. */
const any = (value: unknown) => value as never

describe('R1 an argument of the wrong type', () => {
  const keyring = new FakeKeyring()
  const store = new SecureStore('arguments', { fallbackDir: newDirectory(), keytarLoader: keyring.loader })
  const keys = new ProviderKeyStorage({ secureStore: store })

  test.each(NOT_STRINGS.map((value) => [typeof value, value]))(
    'rejects every method with a TypeError: %s',
    async (_, value) => {
      const wrong = any(value)
      const calls: Array<() => Promise<unknown>> = [
        () => store.set(wrong, 'value'),
        () => store.set('key', wrong),
        () => store.get(wrong),
        () => store.delete(wrong),
        () => store.has(wrong),
        () => keys.saveKey(wrong, 'value'),
        () => keys.saveKey('name', wrong),
        () => keys.getKey(wrong),
        () => keys.deleteKey(wrong),
        () => keys.hasKey(wrong),
      ]
      for (const call of calls) {
        const rejected = call()
        await expect(rejected).rejects.toBeInstanceOf(TypeError)
        await expect(rejected).rejects.not.toHaveProperty('code')
      }
      expect(keyring.calls).toEqual([])
    },
  )

  test.each(NOT_STRINGS.map((value) => [typeof value, value]))(
    'is thrown by functions that return no promise: %s',
    (_, value) => {
      const wrong = any(value)
      expect(() => new SecureStore(wrong)).toThrow(TypeError)
      expect(() => validateKeyName(wrong)).toThrow(TypeError)
      expect(() => maskKeyForDisplay(wrong)).toThrow(TypeError)
    },
  )

  test('names the argument and its type, never its value', async () => {
    await expect(store.set('key', any(['sk-secret']))).rejects.toThrow(/^value must be a string, not an object$/)
    await expect(store.get(any(undefined))).rejects.toThrow(/^key must be a string, not undefined$/)
    expect(() => new SecureStore(any(7))).toThrow(/^serviceName must be a string, not a number$/)
  })

  test('is a TypeError too when it is missing', async () => {
    const bare = store as unknown as Record<'set' | 'get' | 'delete' | 'has', () => Promise<unknown>>
    for (const method of ['set', 'get', 'delete', 'has'] as const) {
      await expect(bare[method]()).rejects.toBeInstanceOf(TypeError)
    }
    expect(() => Reflect.construct(SecureStore, [])).toThrow(TypeError)
  })
})

describe('R1 an option of a wrong type or value', () => {
  test('throws a TypeError that names the option', () => {
    const wrong: Array<[object, RegExp]> = [
      [{ fallbackDir: 7 }, /options\.fallbackDir/],
      [{ fallbackDir: null }, /options\.fallbackDir/],
      [{ fallbackDir: '' }, /options\.fallbackDir/],
      [{ fallbackDir: 'a\0b' }, /options\.fallbackDir/],
      [{ fallbackPolicy: 'maybe' }, /options\.fallbackPolicy must be 'allow' or 'deny'/],
      [{ fallbackPolicy: true }, /options\.fallbackPolicy must be 'allow' or 'deny'/],
      [{ keytarLoader: {} }, /options\.keytarLoader must be a function/],
      [{ keyringLoader: 'keytar' }, /options\.keyringLoader must be a function/],
      [{ keyringTimeoutMs: '30000' }, /options\.keyringTimeoutMs/],
      [{ keyringTimeoutMs: 0 }, /options\.keyringTimeoutMs/],
      [{ keyringTimeoutMs: -1 }, /options\.keyringTimeoutMs/],
      [{ keyringTimeoutMs: Number.NaN }, /options\.keyringTimeoutMs/],
      [{ lockDir: '' }, /options\.lockDir must be the path of a directory/],
      [{ machineSecretPath: 7 }, /options\.machineSecretPath/],
      [{ machineSecretLoader: 'secret' }, /options\.machineSecretLoader must be a function/],
      [{ envelopeVersion: 3 }, /options\.envelopeVersion must be 1 or 2/],
      [{ envelopeVersion: '2' }, /options\.envelopeVersion must be 1 or 2, not a string/],
      [{ logger: { debug() {} } }, /options\.logger must have the methods debug, warn and error/],
    ]
    for (const [options, message] of wrong) {
      const construct = () => new SecureStore('service', any(options))
      expect(construct).toThrow(TypeError)
      expect(construct).toThrow(message)
    }
  })

  test('throws a TypeError from every class', () => {
    const wrong = any({ keyringTimeoutMs: 0 })
    const directory = newDirectory()
    for (const construct of [
      () => new ProviderKeyStorage(wrong),
      () => new ToolKeyStorage(wrong),
      () => new KeychainTokenStorage('service', wrong),
      () => new ExtensionSettingsStorage('name', directory, wrong),
    ]) {
      expect(construct).toThrow(/options\.keyringTimeoutMs/)
    }
    expect(() => new ToolKeyStorage({ toolsDir: '' })).toThrow(/options\.toolsDir/)
    expect(() => new ExtensionSettingsStorage('name', directory, { serviceName: '' })).toThrow(/options\.serviceName/)
  })

  test.each(NOT_OBJECTS.map((value) => [typeof value, value]))(
    'throws a TypeError for options that are not an object: %s',
    async (_, value) => {
      expect(() => new SecureStore('service', any(value))).toThrow(TypeError)
      expect(() => new ProviderKeyStorage(any(value))).toThrow(TypeError)
      const tokens = new KeychainTokenStorage('service', { fallbackDir: newDirectory(), keyringLoader: noKeyring })
      const refreshed = tokens.refreshCredentials('server', async (credentials) => credentials, any(value))
      await expect(refreshed).rejects.toThrow(/^options must be an object, not /)
    },
  )

  test('is not undefined, which is the same as leaving the option out', async () => {
    const left = { fallbackDir: newDirectory(), fallbackPolicy: undefined, keytarLoader: noKeyring }
    const store = new SecureStore('service', any({ ...left, keyringLoader: undefined, keyringTimeoutMs: undefined }))
    await store.set('key', 'value')
    expect(await store.get('key')).toBe('value')
  })

  test('secureStore must be an object with the methods of a store', () => {
    for (const value of [null, {}, 'store', Object.create(SecureStore.prototype), new ProviderKeyStorage()]) {
      expect(() => new ProviderKeyStorage(any({ secureStore: value }))).toThrow(TypeError)
    }
  })

  test('throws the error of the getter of an option', () => {
    const options = {
      get fallbackDir(): string {
        throw new RangeError('no directory today')
      },
    }
    expect(() => new SecureStore('service', options)).toThrow(RangeError)
  })
})

describe('R6 a storage error', () => {
  test('is a SecureStoreError from every class, and an Error, with a code and a remedy', async () => {
    const store = new SecureStore('errors', { keytarLoader: noKeyring, fallbackPolicy: 'deny' })
    const keys = new ProviderKeyStorage({ secureStore: store })
    for (const call of [() => store.get('key'), () => keys.getKey('name')]) {
      const error: unknown = await call().catch((error: unknown) => error)
      expect(error).toBeInstanceOf(SecureStoreError)
      expect(error).toBeInstanceOf(Error)
      expect(error).toMatchObject({ name: 'SecureStoreError', code: 'UNAVAILABLE' })
      expect(error).toHaveProperty('remediation', expect.stringMatching(/--key.*keyring.*seatbelt/))
    }
  })

  test('has no backtrace and no path of the build machine in its message', async () => {
    const error: unknown = await new SecureStore('errors').get('a/b').catch((error: unknown) => error)
    expect(String((error as Error).stack)).not.toMatch(/\.rs|\.cargo|rustc|backtrace/)
  })

  test('can be constructed by JavaScript', () => {
    const error = new SecureStoreError('It is locked', 'LOCKED', 'Unlock it')
    expect(error).toMatchObject({ message: 'It is locked', code: 'LOCKED', remediation: 'Unlock it' })
    expect(error.name).toBe('SecureStoreError')
    expect(String(error)).toBe('SecureStoreError: It is locked')
  })

  test('R9 is what an invalid name throws', () => {
    expect(() => validateKeyName('a b')).toThrow(SecureStoreError)
    expect(() => validateKeyName('a b')).toThrow(
      "Key name 'a b' is invalid. Use only letters, numbers, dashes, underscores, and dots (1-64 chars).",
    )
    expect(validateKeyName('a.B-c_9')).toBeUndefined()
  })
})

test('R1 createDefaultKeyringAdapter returns null if the OS keyring is disabled', async () => {
  expect(await createDefaultKeyringAdapter()).toBeNull()
})
