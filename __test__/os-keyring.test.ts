// A real Secret Service: a gnome-keyring on a private bus.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { createDefaultKeyringAdapter, ProviderKeyStorage, SecureStore } from '@llxprt/securestore'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { newDirectory, valueFiles } from './support/helpers'
import { PrivateKeyring } from './support/keyring'
import { ROOT } from './support/node'

beforeAll(() => {
  process.env.DBUS_SESSION_BUS_ADDRESS = inject('keyringAddress')
  delete process.env.LLXPRT_DISABLE_OS_KEYRING
})

let services = 0
function newStore(options: object = {}) {
  services += 1
  const service = `os-keyring-${process.pid}-${services}`
  const fallbackDir = newDirectory()
  return { fallbackDir, service, store: new SecureStore(service, { fallbackDir, ...options }) }
}

describe('R1 a value in the OS keyring', () => {
  test('is saved, found, listed and deleted, and no file is written', async () => {
    const { fallbackDir, store } = newStore({ fallbackPolicy: 'deny' })
    expect(await store.isKeychainAvailable()).toBe(true)
    await store.set('key', 'value')
    expect(await store.has('key')).toBe(true)
    expect(await store.get('key')).toBe('value')
    expect(await store.list()).toEqual(['key'])
    expect(await store.delete('key')).toBe(true)
    expect(await store.delete('key')).toBe(false)
    expect(await store.get('key')).toBeNull()
    expect(await store.list()).toEqual([])
    expect(readdirSync(fallbackDir)).toEqual([])
  })

  test('may be empty, long, of several lines and of any script', async () => {
    const { store } = newStore()
    for (const value of ['', 'x'.repeat(20_000), 'a\r\nb\n', '🔑 schlüssel 鍵']) {
      await store.set('key', value)
      expect(await store.get('key')).toBe(value)
    }
  })

  test('may be one of fifty at once', async () => {
    const { store } = newStore()
    const keys = Array.from({ length: 50 }, (_, i) => `key ${String(i).padStart(2, '0')}`)
    await Promise.all(keys.map((key) => store.set(key, `value of ${key}`)))
    expect(await store.list()).toEqual(keys)
    expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(keys.map((key) => `value of ${key}`))
  })

  test('is read by @napi-rs/keyring and secret-tool, and the values that they store are read', async () => {
    const { service, store } = newStore()
    await store.set('account', 'ours')
    expect(theirs(service, 'getPassword()')).toBe('ours')
    theirs(service, "setPassword('theirs')")
    expect(await store.get('account')).toBe('theirs')
    const lookup = ['lookup', 'service', service, 'username', 'account']
    expect(execFileSync('secret-tool', lookup, { encoding: 'utf8', env: process.env })).toBe('theirs')
    expect(await store.delete('account')).toBe(true)
    expect(theirs(service, 'getPassword()')).toBeNull()
  })

  test('holds a named API key', async () => {
    const { fallbackDir, store } = newStore()
    const keys = new ProviderKeyStorage({ secureStore: store })
    await keys.saveKey('openai', 'sk-123')
    expect(await keys.listKeys()).toEqual(['openai'])
    expect(await keys.getKey('openai')).toBe('sk-123')
    expect(await keys.deleteKey('openai')).toBe(true)
    expect(readdirSync(fallbackDir)).toEqual([])
  })
})

test('R1 the OS keyring as an adapter has the four methods, and can be the result of a loader', async () => {
  const { service, store } = newStore()
  const adapter = await createDefaultKeyringAdapter()
  expect(adapter).not.toBeNull()
  if (!adapter) return
  expect(await adapter.getPassword(service, 'key')).toBeNull()
  await adapter.setPassword(service, 'key', 'value')
  expect(await adapter.getPassword(service, 'key')).toBe('value')
  expect(await adapter.findCredentials(service)).toEqual([{ account: 'key', password: 'value' }])
  expect(await store.get('key')).toBe('value')
  const through = new SecureStore(service, { fallbackDir: newDirectory(), keytarLoader: createDefaultKeyringAdapter })
  expect(await through.list()).toEqual(['key'])
  expect(await through.get('key')).toBe('value')
  expect(await adapter.deletePassword(service, 'key')).toBe(true)
  expect(await adapter.deletePassword(service, 'key')).toBe(false)
})

test('R1 LLXPRT_DISABLE_OS_KEYRING=1 leaves the keyring untouched', async () => {
  const { service, store } = newStore()
  await store.set('key', 'in the keyring')
  process.env.LLXPRT_DISABLE_OS_KEYRING = '1'
  const disabled = new SecureStore(service, { fallbackDir: newDirectory() })
  delete process.env.LLXPRT_DISABLE_OS_KEYRING
  expect(await disabled.get('key')).toBeNull()
  expect(await disabled.isKeychainAvailable()).toBe(false)
  expect(await store.get('key')).toBe('in the keyring')
})

describe('R7B a keyring that', () => {
  let keyring: PrivateKeyring
  let shared: string | undefined
  beforeAll(async () => {
    keyring = await PrivateKeyring.start()
    shared = process.env.DBUS_SESSION_BUS_ADDRESS
    process.env.DBUS_SESSION_BUS_ADDRESS = keyring.address
  })
  afterAll(() => {
    process.env.DBUS_SESSION_BUS_ADDRESS = shared
    keyring.stop()
  })

  test('is killed loses no value: files hold new values until the keyring is back', async () => {
    const { fallbackDir, store } = newStore()
    const file = path.join(fallbackDir, 'key.enc')
    await store.set('key', 'before')
    await keyring.killDaemon()
    await store.set('key', 'meanwhile')
    expect(existsSync(file)).toBe(true)
    expect(await store.get('key')).toBe('meanwhile')
    await keyring.startDaemon()
    expect(await store.get('key')).toBe('meanwhile')
    expect(existsSync(file)).toBe(false)
    await store.set('key', 'after')
    expect(await store.get('key')).toBe('after')
  })

  test('is locked makes get LOCKED or DENIED, and set stores the value in a file', async () => {
    const { fallbackDir, store } = newStore()
    await store.set('key', 'before')
    keyring.lock()
    await expect(store.get('key')).rejects.toHaveProperty('code', expect.stringMatching(/^(LOCKED|DENIED)$/))
    await store.set('key', 'meanwhile')
    expect(valueFiles(fallbackDir)).toEqual(['key.enc'])
    expect(await store.get('key')).toBe('meanwhile')
  })
})

/**
 * Calls `@napi-rs/keyring` in a new process. It reads the bus address from the C environment, which changes by JavaScript do
 * not reach on every runtime.
 */
function theirs(service: string, call: string): unknown {
  const program = `const { Entry } = require('@napi-rs/keyring')
    console.log(JSON.stringify(new Entry(${JSON.stringify(service)}, 'account').${call} ?? null))`
  const options = { cwd: ROOT, encoding: 'utf8', env: process.env } as const
  return JSON.parse(execFileSync(process.execPath, ['-e', program], options))
}
