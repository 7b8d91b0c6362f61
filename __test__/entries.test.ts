// `entries` and `locate`, and credentials that cannot be used.

import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { KeychainTokenStorage, SecureStore, SecureStoreError } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { FakeKeyring, newDirectory, noKeyring } from './support/helpers'

describe('R3.7 entries', () => {
  test('returns the keys of keyring and files with their values, sorted', async () => {
    const [fallbackDir, keyring] = [newDirectory(), new FakeKeyring()]
    await new SecureStore('all', { fallbackDir, keyringLoader: noKeyring }).set('b', 'in a file')
    const store = new SecureStore('all', { fallbackDir, keyringLoader: keyring.loader })
    keyring.entries.set('all/a', 'in the keyring')
    const { entries, incomplete } = await store.entries()
    expect(entries.map(({ key, value, error }) => [key, value, error])).toEqual([
      ['a', 'in the keyring', null],
      ['b', 'in a file', null],
    ])
    expect(incomplete).toBeNull()
  })

  test('returns the error of a value that cannot be read', async () => {
    const fallbackDir = newDirectory()
    const store = new SecureStore('all', { fallbackDir, keyringLoader: noKeyring })
    await store.set('good', 'value')
    writeFileSync(path.join(fallbackDir, 'bad.enc'), 'not an envelope')
    const { entries } = await store.entries()
    const [bad, good] = entries
    expect(good).toEqual({ key: 'good', value: 'value', storedIn: 'file', error: null })
    expect(bad).toMatchObject({ key: 'bad', value: null, storedIn: 'file' })
    expect(bad?.error).toBeInstanceOf(SecureStoreError)
    expect(bad?.error?.code).toBe('CORRUPT')
  })

  test('is empty for a store without keys', async () => {
    const store = new SecureStore('all', { fallbackDir: newDirectory(), keyringLoader: noKeyring })
    expect(await store.entries()).toEqual({ entries: [], incomplete: null })
  })
})

describe('R3 locate', () => {
  test('returns where the value is that get returns, or null if there is none', async () => {
    const [fallbackDir, keyring] = [newDirectory(), new FakeKeyring()]
    const store = new SecureStore('located', { fallbackDir, keyringLoader: keyring.loader })
    keyring.failure = new Error('locked')
    await store.set('in-file', 'value')
    expect(await store.locate('in-file')).toBe('file')
    keyring.failure = undefined
    await store.set('in-keyring', 'value')
    expect(await store.locate('in-keyring')).toBe('keyring')
    expect(await store.locate('nowhere')).toBeNull()
    await expect(store.locate(7 as never)).rejects.toBeInstanceOf(TypeError)
  })
})

describe('R7 credentials that cannot be used', () => {
  test('are reported to the host with the name of the server', async () => {
    const options = { fallbackDir: newDirectory(), keyringLoader: noKeyring }
    const broken: Array<[string, SecureStoreError]> = []
    const onBrokenCredentials = (serverName: string, error: SecureStoreError) => {
      broken.push([serverName, error])
      throw new Error('ignored')
    }
    const tokens = new KeychainTokenStorage('broken', { ...options, onBrokenCredentials })
    await tokens.setCredentials({ serverName: 'good', token: { accessToken: 't', tokenType: 'Bearer' } })
    await new SecureStore('broken', options).set('unparsable', '{"token": sk-secret')
    writeFileSync(path.join(options.fallbackDir, 'undecryptable.enc'), 'not an envelope')
    expect([...(await tokens.getAllCredentials()).keys()]).toEqual(['good'])
    expect(broken.map(([serverName, error]) => [serverName, error.code])).toEqual([
      ['undecryptable', 'CORRUPT'],
      ['unparsable', 'CORRUPT'],
    ])
    for (const [, error] of broken) expect(error).toBeInstanceOf(SecureStoreError)
    expect(JSON.stringify(broken.map(([, error]) => error.message))).not.toContain('sk-secret')
  })

  test('are left out without a callback, and a callback that is not a function is a TypeError', async () => {
    const options = { fallbackDir: newDirectory(), keyringLoader: noKeyring }
    await new SecureStore('broken', options).set('unparsable', 'x')
    expect((await new KeychainTokenStorage('broken', options).getAllCredentials()).size).toBe(0)
    expect(() => new KeychainTokenStorage('broken', { onBrokenCredentials: 7 as never })).toThrow(TypeError)
  })
})
