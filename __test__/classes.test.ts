// The classes of the package as classes: `new`, `instanceof`, subclasses.

import * as securestore from '@llxprt/securestore'
import { describe, expect, inject, test } from 'vitest'
import { codeOf, FakeKeyring, newDirectory, noKeyring } from './support/helpers'
import { runNode } from './support/node'

const { ExtensionSettingsStorage, KeyCommand, KeychainTokenStorage, ProviderKeyStorage } = securestore
const { SecureInputHandler, SecureStore, SecureStoreError, ToolKeyStorage } = securestore

/** Every class, with arguments that its constructor accepts. */
const CLASSES: Array<[string, new (...args: never[]) => object, unknown[]]> = [
  ['SecureStore', SecureStore, ['service']],
  ['ProviderKeyStorage', ProviderKeyStorage, []],
  ['ToolKeyStorage', ToolKeyStorage, []],
  ['KeychainTokenStorage', KeychainTokenStorage, []],
  ['ExtensionSettingsStorage', ExtensionSettingsStorage, ['name', newDirectory()]],
  ['KeyCommand', KeyCommand, []],
  ['SecureInputHandler', SecureInputHandler, []],
  ['EnvelopeCodecError', securestore.EnvelopeCodecError, ['message', 'CORRUPT', 'remediation']],
  ['SecureStoreError', SecureStoreError, ['message', 'LOCKED', 'remediation']],
]

describe('R1 a class', () => {
  test.each(CLASSES)('%s throws a TypeError when it is called without new', (_, Class, args) => {
    const call = Class as unknown as (...args: unknown[]) => unknown
    expect(() => call(...args)).toThrow(TypeError)
    expect(() => Reflect.apply(call, globalThis, args)).toThrow(TypeError)
    expect(() => Reflect.apply(call, Object.create(Class.prototype), args)).toThrow(TypeError)
  })

  test.each(CLASSES)(
    '%s has its own name, and instances of it and of subclasses are instances of it',
    (name, Class, args) => {
      expect(Class.name).toBe(name)
      class Sub extends Class {}
      const instance = Reflect.construct(Sub, args)
      expect(instance).toBeInstanceOf(Sub)
      expect(instance).toBeInstanceOf(Class)
      expect(Reflect.construct(Class, args)).toBeInstanceOf(Class)
      expect(Reflect.construct(Class, args)).not.toBeInstanceOf(Sub)
    },
  )

  test('covers every class that is exported', () => {
    const exported = Object.entries(securestore).filter(([, value]) => /^class /.test(String(value)))
    expect(exported.map(([name]) => name).sort()).toEqual(CLASSES.map(([name]) => name).sort())
  })

  test('may be subclassed with methods of its own that call those of the class', async () => {
    const keyring = new FakeKeyring()
    class Guarded extends SecureStore {
      readonly keys: string[] = []
      override get(key: string) {
        this.keys.push(key)
        return super.get(key)
      }
    }
    const store = new Guarded('guarded', { fallbackDir: newDirectory(), keyringLoader: keyring.loader })
    await store.set('key', 'value')
    expect(await store.get('key')).toBe('value')
    expect(store.keys).toEqual(['key'])
  })

  test('has methods that throw for an object of another class', async () => {
    const { get } = SecureStore.prototype
    expect(() => Reflect.apply(get, {}, ['key'])).toThrow()
    const store = new SecureStore('service', { fallbackDir: newDirectory() })
    expect(await Reflect.apply(get, store, ['key'])).toBeNull()
  })
})

describe('R6 an error', () => {
  test('may be constructed and subclassed by the host', () => {
    class HostError extends SecureStoreError {}
    const error = new HostError('message', 'CONFLICT', 'remediation')
    expect(error).toBeInstanceOf(SecureStoreError)
    expect(error).toMatchObject({ name: 'SecureStoreError', message: 'message', code: 'CONFLICT' })
    expect(securestore.isSecureStoreError(error)).toBe(true)
  })

  test('is recognized by isSecureStoreError only if it is of the class', () => {
    for (const value of [undefined, null, 'text', {}, new Error('x'), { name: 'SecureStoreError', code: 'LOCKED' }]) {
      expect(securestore.isSecureStoreError(value)).toBe(false)
    }
  })

  test('is recognized by isRuntimeReplacedError by its code, for any class', () => {
    const { isRuntimeReplacedError } = securestore
    expect(isRuntimeReplacedError(new SecureStoreError('m', 'RUNTIME_REPLACED', 'r'))).toBe(true)
    expect(isRuntimeReplacedError({ code: 'RUNTIME_REPLACED' })).toBe(true)
    expect(isRuntimeReplacedError(Object.create({ code: 'RUNTIME_REPLACED' }))).toBe(true)
    for (const value of [
      undefined,
      null,
      'RUNTIME_REPLACED',
      {},
      { code: 'CONFLICT' },
      new Error('RUNTIME_REPLACED'),
    ]) {
      expect(isRuntimeReplacedError(value)).toBe(false)
    }
  })
})

describe('R1 the first call', () => {
  test('rejects with a SecureStoreError when no file descriptor is left, and later calls work', async () => {
    const output = await runNode(
      `
      const fs = require('node:fs')
      const store = new securestore.SecureStore('service', { fallbackDir: '${newDirectory()}' })
      const files = []
      try { for (;;) files.push(fs.openSync('/dev/null')) } catch {}
      const error = await store.get('key').then(() => null, (error) => error)
      for (const file of files) fs.closeSync(file)
      console.log(JSON.stringify([error instanceof securestore.SecureStoreError, error?.code, await store.get('key')]))
    `,
      { RUST_BACKTRACE: '1' },
    )
    expect(JSON.parse(output)).toEqual([true, 'UNAVAILABLE', null])
  })
})

describe('R1 the adapter of createDefaultKeyringAdapter', () => {
  test('has methods that work detached from the object', async () => {
    const output = await runNode(
      `
      const { getPassword, setPassword, deletePassword, findCredentials } = await securestore.createDefaultKeyringAdapter()
      await setPassword('detached', 'account', 'value')
      const seen = [await getPassword('detached', 'account'), await findCredentials('detached')]
      console.log(JSON.stringify([...seen, await deletePassword('detached', 'account'), await getPassword('detached', 'account')]))`,
      { DBUS_SESSION_BUS_ADDRESS: inject('keyringAddress'), LLXPRT_DISABLE_OS_KEYRING: '' },
    )
    expect(JSON.parse(output)).toEqual(['value', [{ account: 'account', password: 'value' }], true, null])
  })

  test('counts as the OS keyring when a loader returns it: a file that is newer than the OS keyring wins', async () => {
    const output = await runNode(
      `
      const { SecureStore, createDefaultKeyringAdapter } = securestore
      const options = { fallbackDir: ${JSON.stringify(newDirectory())} }
      const store = new SecureStore('returned', { ...options, keyringLoader: createDefaultKeyringAdapter })
      await store.set('key', 'older')
      process.env.LLXPRT_DISABLE_OS_KEYRING = '1'
      await new SecureStore('returned', options).set('key', 'newer')
      console.log(await store.get('key'))
      await store.delete('key')`,
      { DBUS_SESSION_BUS_ADDRESS: inject('keyringAddress'), LLXPRT_DISABLE_OS_KEYRING: '' },
    )
    expect(output).toBe('newer\n')
  })
})

describe('R6 a final error', () => {
  test.each(['CONFLICT', 'RUNTIME_REPLACED'] as const)(
    '%s of an adapter makes every call reject with it',
    async (code) => {
      const keyring = new FakeKeyring()
      keyring.failure = new SecureStoreError('from the adapter', code, 'remedy')
      const store = new SecureStore('final', { fallbackDir: newDirectory(), keyringLoader: keyring.loader })
      const calls = [
        () => store.get('key'),
        () => store.set('key', 'v'),
        () => store.has('key'),
        () => store.list(),
        () => store.delete('key'),
        () => store.isKeychainAvailable(),
      ]
      for (const call of calls) expect(await codeOf(call())).toBe(code)
      keyring.failure = undefined
      expect(await store.isKeychainAvailable()).toBe(true)
    },
  )

  test.each(['CONFLICT', 'RUNTIME_REPLACED'] as const)(
    '%s of an adapter is what has and get reject with, also for a value that waits in a file',
    async (code) => {
      const [fallbackDir, keyring] = [newDirectory(), new FakeKeyring()]
      await new SecureStore('final', { fallbackDir, keyringLoader: noKeyring }).set('key', 'value')
      const store = new SecureStore('final', { fallbackDir, keyringLoader: keyring.loader })
      keyring.failure = new SecureStoreError('from the adapter', code, 'remedy')
      const calls = [() => store.has('key'), () => store.locate('key'), () => store.get('key')]
      for (const call of calls) expect(await codeOf(call())).toBe(code)
      keyring.failure = new SecureStoreError('from the adapter', 'LOCKED', 'remedy')
      expect([await store.has('key'), await store.locate('key'), await store.get('key')]).toEqual([
        true,
        'file',
        'value',
      ])
    },
  )
})
