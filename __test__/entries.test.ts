// `entries` and `locate`, and credentials that cannot be used.

import { writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  KeyCommand,
  KeychainTokenStorage,
  ProviderKeyStorage,
  SecureStore,
  SecureStoreError,
} from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { codeOf, FakeKeyring, newDirectory, noKeyring } from './support/helpers'

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

  test('says where a value is, also for an account that is no key and for a file that is moved to the keyring', async () => {
    const [fallbackDir, keyring] = [newDirectory(), new FakeKeyring()]
    await new SecureStore('all', { fallbackDir, keyringLoader: noKeyring }).set('newer', 'value')
    keyring.entries.set('all/not/a/key', 'value')
    const store = new SecureStore('all', { fallbackDir, keyringLoader: keyring.loader })
    const { entries } = await store.entries()
    expect(entries.map(({ key, value, storedIn, error }) => [key, value, storedIn, error?.code])).toEqual([
      ['newer', 'value', 'keyring', undefined],
      ['not/a/key', null, 'keyring', 'CORRUPT'],
    ])
    expect(await store.locate('newer')).toBe('keyring')
  })

  test('takes the values from one findCredentials of an adapter, and reads none by itself', async () => {
    const [fallbackDir, keyring] = [newDirectory(), new FakeKeyring()]
    for (const key of ['a', 'b', 'c']) keyring.entries.set(`all/${key}`, `value of ${key}`)
    const { entries } = await new SecureStore('all', { fallbackDir, keyringLoader: keyring.loader }).entries()
    expect(entries).toEqual(
      ['a', 'b', 'c'].map((key) => ({ key, value: `value of ${key}`, storedIn: 'keyring', error: null })),
    )
    expect(keyring.calls).toEqual(['find'])
  })

  test('reads by itself what findCredentials lists without a usable password, or twice', async () => {
    const [fallbackDir, keyring] = [newDirectory(), new FakeKeyring()]
    const listed = [
      { account: 'whole', password: 'listed' },
      { account: 'missing' },
      { account: 'null', password: null },
      { account: 'number', password: 7 },
      { account: 'surrogate', password: '\ud800' },
      { account: 'twice', password: 'one' },
      { account: 'twice', password: 'other' },
      null,
    ]
    const asked: string[] = []
    const adapter = {
      findCredentials: async () => listed,
      getPassword: async (_service: string, account: string) => {
        asked.push(account)
        return account === 'surrogate' ? '\ud800' : 'read'
      },
    }
    const keyringLoader = async () => Object.assign(Object.create(keyring), adapter)
    const { entries } = await new SecureStore('all', { fallbackDir, keyringLoader }).entries()
    expect(entries.map(({ key, value, error }) => [key, value, error?.code])).toEqual([
      ['missing', 'read', undefined],
      ['null', 'read', undefined],
      ['number', 'read', undefined],
      ['surrogate', null, 'CORRUPT'],
      ['twice', 'read', undefined],
      ['whole', 'listed', undefined],
    ])
    expect(asked.sort()).toEqual(['missing', 'null', 'number', 'surrogate', 'twice'])
  })

  test('gives the values of newer files and leaves out what was deleted, whatever findCredentials lists', async () => {
    const [fallbackDir, keyring] = [newDirectory(), new FakeKeyring()]
    const store = new SecureStore('all', { fallbackDir, keyringLoader: keyring.loader })
    for (const key of ['changed', 'deleted', 'kept']) await store.set(key, 'old')
    const failure = new Error('locked')
    keyring.failure = failure
    await store.set('changed', 'new')
    expect(await codeOf(store.delete('deleted'))).toBe('LOCKED')
    keyring.failure = undefined
    // Neither can be carried out yet.
    keyring.setPassword = async () => {
      throw failure
    }
    keyring.deletePassword = async () => {
      throw failure
    }
    const { entries } = await store.entries()
    expect(entries.map(({ key, value, storedIn }) => [key, value, storedIn])).toEqual([
      ['changed', 'new', 'file'],
      ['kept', 'old', 'keyring'],
    ])
    expect(keyring.entries.get('all/changed')).toBe('old')
  })

  test('is empty for a store without keys', async () => {
    const store = new SecureStore('all', { fallbackDir: newDirectory(), keyringLoader: noKeyring })
    expect(await store.entries()).toEqual({ entries: [], incomplete: null })
  })
})

describe('R3.7 what is built on entries', () => {
  const token = { accessToken: 't', tokenType: 'Bearer' }

  test('asks an adapter once for all credentials of MCP servers', async () => {
    const keyring = new FakeKeyring()
    const tokens = new KeychainTokenStorage('servers', { fallbackDir: newDirectory(), keyringLoader: keyring.loader })
    for (const serverName of ['a', 'b', 'c']) await tokens.setCredentials({ serverName, token })
    keyring.calls = []
    expect([...(await tokens.getAllCredentials()).keys()]).toEqual(['a', 'b', 'c'])
    expect(keyring.calls).toEqual(['find'])
    expect(await tokens.listServers()).toEqual(['a', 'b', 'c'])
    expect(keyring.calls).toEqual(['find', 'find'])
    keyring.calls = []
    await tokens.clearAll()
    // A deletion is looked at afterwards. No value is read before it.
    expect(keyring.calls.filter((call) => call === 'find')).toHaveLength(1)
    expect(keyring.calls.slice(1).sort()).toEqual(['delete', 'delete', 'delete', 'get', 'get', 'get'])
    expect(keyring.calls.slice(0, 2)).toEqual(['find', 'delete'])
    expect(keyring.entries.size).toBe(0)
  })

  test('asks an adapter once for all keys that /key list shows', async () => {
    const keyring = new FakeKeyring()
    const secureStore = new SecureStore('keys', { fallbackDir: newDirectory(), keyringLoader: keyring.loader })
    const storage = new ProviderKeyStorage({ secureStore })
    for (const name of ['a', 'b', 'c']) await storage.saveKey(name, `sk-${name}-0123456789`)
    keyring.calls = []
    const { content } = (await new KeyCommand(storage).run('list')) as { content: string }
    expect(content.split('\n').map((line) => line.trim().split(/\s+/)[0])).toEqual(['Saved', 'a', 'b', 'c'])
    expect(keyring.calls).toEqual(['find'])
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
