// The contract of all adapters.

import { SecureStore } from '@llxprt/securestore'
import type { RemoteKeyringAdapter } from '@llxprt/securestore/adapters'
import { expect, test } from 'vitest'
import { newDirectory } from '../support/helpers'

const NAMES = ['plain', '../x', 'a/b?c#d', '..', '-rf', 'with space', 'ä 🔑', '$(touch x)', '{account}', 'a~2Fb']
const VALUES = [
  '',
  ' spaces ',
  'line\n',
  'two\nlines',
  'a\r\nb',
  'emoji 🔑',
  '"\\$`',
  'llxprt:base64:eA==',
  '\ufeffmark',
]

/** Declares the tests. `adapterOf` is called inside each test, after the hooks of the file. */
export function adapterContract(adapterOf: () => RemoteKeyringAdapter): void {
  const service = 'llxprt service/1'

  test('stores, reads, replaces and deletes', async () => {
    const adapter = adapterOf()
    expect(await adapter.getPassword(service, 'key')).toBeNull()
    await adapter.setPassword(service, 'key', 'first')
    await adapter.setPassword(service, 'key', 'second')
    expect(await adapter.getPassword(service, 'key')).toBe('second')
    expect(await adapter.getPassword('other service', 'key')).toBeNull()
    expect(await adapter.deletePassword(service, 'key')).toBe(true)
    expect(await adapter.deletePassword(service, 'key')).toBe(false)
    expect(await adapter.getPassword(service, 'key')).toBeNull()
  })

  test('returns every value unchanged', async () => {
    const adapter = adapterOf()
    for (const value of VALUES) {
      await adapter.setPassword(service, 'value', value)
      expect(await adapter.getPassword(service, 'value')).toBe(value)
    }
    await adapter.deletePassword(service, 'value')
  })

  test('keeps the entries of different names apart, and lists their names', async () => {
    const adapter = adapterOf()
    for (const name of NAMES) await adapter.setPassword(service, name, `value of ${name}`)
    for (const name of NAMES) expect(await adapter.getPassword(service, name)).toBe(`value of ${name}`)
    expect((await adapter.findAccounts?.(service))?.sort()).toEqual([...NAMES].sort())
    expect((await adapter.findCredentials?.(service))?.map(({ account }) => account).sort()).toEqual([...NAMES].sort())
    for (const name of NAMES) expect(await adapter.deletePassword(service, name)).toBe(true)
    expect(await adapter.findAccounts?.(service)).toEqual([])
  })

  test('is a keyring for a store', async () => {
    const adapter = adapterOf()
    const options = { keyringLoader: async () => adapter, fallbackPolicy: 'deny' as const, fallbackDir: newDirectory() }
    const store = new SecureStore(service, options)
    expect(await store.isKeychainAvailable()).toBe(true)
    await store.set('key', 'value')
    expect(await store.get('key')).toBe('value')
    expect(await store.has('key')).toBe(true)
    expect(await store.list()).toEqual(['key'])
    expect(await store.delete('key')).toBe(true)
    expect(await store.get('key')).toBeNull()
  })
}
