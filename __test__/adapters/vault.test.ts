// The Vault adapter against a server on loopback.

import { existsSync } from 'node:fs'
import path from 'node:path'
import { SecureStore } from '@llxprt/securestore'
import { createVaultAdapter, type VaultAdapterOptions } from '@llxprt/securestore/adapters'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, newDirectory, storageError } from '../support/helpers'
import { runNode } from '../support/node'
import { adapterContract } from './adapter-contract'
import { EVERYTHING, expectContract } from './platform-contract'
import { errors, TOKEN, VaultServer } from './vault-server'

const SECRET = 'sk-very-secret-value'
const AT = 'secret/llxprt/service/key'
let server: VaultServer

beforeEach(async () => {
  server = await new VaultServer().start()
})
afterEach(() => server.stop())

const adapterWith = (options: VaultAdapterOptions = {}) =>
  createVaultAdapter({ address: server.address, token: TOKEN, ...options })

/** The requests about secrets, without those about the mount. */
const requests = () => server.requests.filter((request) => !request.includes('/sys/'))

describe('as any adapter', () => adapterContract(() => adapterWith()))

test('the platform contract holds', () => expectContract(adapterWith(), EVERYTHING))

describe('values', () => {
  test('are stored, read, listed and deleted, with their history', async () => {
    const adapter = adapterWith()
    expect(await adapter.getPassword('service', 'key')).toBeNull()
    await adapter.setPassword('service', 'key', SECRET)
    expect(await adapter.getPassword('service', 'key')).toBe(SECRET)
    expect(server.secrets.get(AT)?.versions).toEqual([{ value: SECRET }])
    await adapter.setPassword('service', 'other', 'other value')
    expect(await adapter.findAccounts('service')).toEqual(['key', 'other'])
    expect(await adapter.findCredentials('service')).toEqual([
      { account: 'key', password: SECRET },
      { account: 'other', password: 'other value' },
    ])
    expect(await adapter.deletePassword('service', 'key')).toBe(true)
    expect(await adapter.deletePassword('service', 'key')).toBe(false)
    expect(server.secrets.has(AT)).toBe(false)
    expect(await adapter.findAccounts('empty service')).toEqual([])
  })

  test.each(['', ' spaces ', 'a\r\nb\n', 'emoji 🔑', 'quote " backslash \\', 'x'.repeat(2 ** 20)])(
    'come back unchanged (case %#)',
    async (value) => {
      const adapter = adapterWith()
      await adapter.setPassword('service', 'key', value)
      expect(await adapter.getPassword('service', 'key')).toBe(value)
    },
  )

  test('that another program deleted are absent, and can be stored again', async () => {
    const adapter = adapterWith()
    await adapter.setPassword('service', 'key', SECRET)
    server.softDelete(AT)
    expect(await adapter.getPassword('service', 'key')).toBeNull()
    await adapter.setPassword('service', 'key', 'again')
    expect(server.secrets.get(AT)?.versions).toHaveLength(2)
    server.softDelete(AT)
    expect(await adapterWith().deletePassword('service', 'key')).toBe(false)
    expect(server.secrets.has(AT)).toBe(false)
  })

  test('without a text field are CORRUPT', async () => {
    server.write(AT, { password: SECRET })
    const error = await storageError(adapterWith().getPassword('service', 'key'))
    expect(error.code).toBe('CORRUPT')
    expect(error.message).toContain('llxprt/service/key')
    expect(error.message).not.toContain(SECRET)
  })

  test('are kept in memory only where cacheMs asks for it, and never for the read that verifies a write', async () => {
    const adapter = adapterWith({ cacheMs: 60_000 })
    await adapter.setPassword('service', 'key', SECRET)
    server.requests.length = 0
    expect(await adapter.getPassword('service', 'key')).toBe(SECRET)
    expect(await adapter.getPassword('service', 'key')).toBe(SECRET)
    expect(requests()).toEqual(['GET /v1/secret/data/llxprt/service/key'])
    await adapter.setPassword('service', 'other', 'old')
    const before = adapter.getPassword('service', 'other')
    await Promise.all([before, adapter.setPassword('service', 'other', 'new')])
    expect(await adapter.getPassword('service', 'other')).toBe('new')
    await adapter.setPassword('service', 'key', 'changed')
    expect(await adapter.getPassword('service', 'key')).toBe('changed')
    await adapter.deletePassword('service', 'key')
    expect(await adapter.getPassword('service', 'key')).toBeNull()
    const without = adapterWith()
    await without.setPassword('service', 'key', SECRET)
    server.requests.length = 0
    await without.getPassword('service', 'key')
    await without.getPassword('service', 'key')
    expect(requests()).toHaveLength(2)
  })

  test('are written and verified by a store with two requests, once the version is known', async () => {
    const adapter = adapterWith()
    const store = new SecureStore('service', { keyringLoader: async () => adapter, fallbackPolicy: 'deny' })
    await store.set('key', 'first')
    server.requests.length = 0
    await store.set('key', SECRET)
    expect(requests().filter((request) => request.startsWith('POST'))).toHaveLength(1)
    expect(requests().length).toBeLessThanOrEqual(2)
    expect(await store.get('key')).toBe(SECRET)
    expect(await store.list()).toEqual(['key'])
    expect(await store.delete('key')).toBe(true)
  })
})

describe('names', () => {
  test.each(['../x', 'a/b?c#d', '..', '.', '-rf', '%2e%2e', 'ä 🔑', '~2F', 'a\\b', 'sp ace', '\u0000'])(
    '%j stays below its prefix and comes back from the list',
    async (name) => {
      const adapter = adapterWith()
      await adapter.setPassword(name, name, SECRET)
      expect(await adapter.getPassword(name, name)).toBe(SECRET)
      expect(await adapter.findAccounts(name)).toEqual([name])
      for (const path of server.secrets.keys()) expect(path).toMatch(/^secret\/llxprt\/[^/]+\/[^/]+$/)
      expect(await adapter.deletePassword(name, name)).toBe(true)
    },
  )

  test('that differ never share an entry', async () => {
    const adapter = adapterWith()
    const names = ['a/b', 'a~2Fb', 'a%2Fb', 'A/b', '.a', '~2Ea', 'a.']
    for (const name of names) await adapter.setPassword('service', name, name)
    for (const name of names) expect(await adapter.getPassword('service', name)).toBe(name)
    expect((await adapter.findAccounts('service')).sort()).toEqual([...names].sort())
  })

  test('that are empty are refused before the server is asked', async () => {
    expect(await codeOf(adapterWith().getPassword('service', ''))).toBe('CORRUPT')
    expect(await codeOf(adapterWith().getPassword('', 'account'))).toBe('CORRUPT')
    expect(server.requests).toEqual([])
  })

  test('that other programs wrote are listed where they can be read back', async () => {
    server.write('secret/llxprt/service/with space', { value: 'x' })
    server.write('secret/llxprt/service/folder/deeper', { value: 'x' })
    server.write('secret/llxprt/service/plain', { value: 'x' })
    expect(await adapterWith().findAccounts('service')).toEqual(['plain'])
  })
})

describe('two machines', () => {
  test('that write one key get CONFLICT and no lost update', async () => {
    const [here, there] = [adapterWith(), adapterWith()]
    await here.setPassword('service', 'key', 'first')
    expect(await here.getPassword('service', 'key')).toBe('first')
    expect(await there.getPassword('service', 'key')).toBe('first')
    await there.setPassword('service', 'key', 'theirs')
    const error = await storageError(here.setPassword('service', 'key', 'ours'))
    expect(error.code).toBe('CONFLICT')
    expect(error.message).not.toContain('theirs')
    expect(await there.getPassword('service', 'key')).toBe('theirs')
    await here.setPassword('service', 'key', 'ours')
    expect(await there.getPassword('service', 'key')).toBe('ours')
  })

  test('that create one key get CONFLICT', async () => {
    const [here, there] = [adapterWith(), adapterWith()]
    expect(await here.getPassword('service', 'key')).toBeNull()
    await there.setPassword('service', 'key', 'theirs')
    expect(await codeOf(here.setPassword('service', 'key', 'ours'))).toBe('CONFLICT')
  })

  test('that change what was deleted meanwhile get CONFLICT', async () => {
    const [here, there] = [adapterWith(), adapterWith()]
    await here.setPassword('service', 'key', 'first')
    await there.deletePassword('service', 'key')
    expect(await codeOf(here.setPassword('service', 'key', 'ours'))).toBe('CONFLICT')
  })

  test('a write that depends on a version fails when another program wrote, whatever was read in between', async () => {
    const [here, there] = [adapterWith(), adapterWith()]
    const { version } = await here.getVersioned('service', 'key')
    expect(version).toBe(0)
    await there.setPassword('service', 'key', 'theirs')
    await here.getPassword('service', 'key')
    expect(await codeOf(here.setVersioned('service', 'key', 'ours', version))).toBe('CONFLICT')
    expect(await codeOf(here.deleteVersioned('service', 'key', version))).toBe('CONFLICT')
    const current = await here.getVersioned('service', 'key')
    expect(await here.deleteVersioned('service', 'key', current.version)).toBe(true)
    expect(await there.getPassword('service', 'key')).toBeNull()
  })

  test('a store whose set another machine overtook rejects with CONFLICT, and writes no file', async () => {
    const [here, there] = [adapterWith(), adapterWith()]
    const fallbackDir = newDirectory()
    const store = new SecureStore('service', { keyringLoader: async () => here, fallbackDir })
    await store.set('key', 'first')
    await there.setPassword('service', 'key', 'theirs')
    expect(await codeOf(store.set('key', 'ours'))).toBe('CONFLICT')
    expect(await store.get('key')).toBe('theirs')
    expect(existsSync(path.join(fallbackDir, 'key.enc'))).toBe(false)
  })

  test.each(['status', 'connection'] as const)(
    'a write whose answer was lost (%s) and that took effect is no conflict',
    async (lost) => {
      const adapter = adapterWith()
      await adapter.setPassword('service', 'key', 'first')
      server.loseNextWrite = lost
      await adapter.setPassword('service', 'key', SECRET)
      expect(server.secrets.get(AT)?.versions).toEqual([{ value: 'first' }, { value: SECRET }])
      await adapter.setPassword('service', 'key', 'third')
    },
  )

  test('calls of one key happen in their order', async () => {
    const adapter = adapterWith()
    const values = Array.from({ length: 20 }, (_, i) => `value ${i}`)
    const reads = values.flatMap((value) => {
      const written = adapter.setPassword('service', 'key', value)
      return [written.then(() => value), adapter.getPassword('service', 'key')]
    })
    const read = (await Promise.all(reads)).filter((_, index) => index % 2 === 1)
    expect(read).toEqual(values)
  })
})

describe('version 1 of the engine', () => {
  describe('as any adapter', () => {
    beforeEach(() => server.mounts.set('secret', { type: 'kv', version: '1' }))
    adapterContract(() => adapterWith())
  })

  test('is used where the server says so', async () => {
    server.mounts.set('team/old', { type: 'kv', version: '1' })
    const adapter = adapterWith({ mount: 'team/old', prefix: '' })
    expect(await adapter.getPassword('service', 'key')).toBeNull()
    await adapter.setPassword('service', 'key', SECRET)
    await adapter.setPassword('service', 'key', 'second')
    expect(server.secrets.get('team/old/service/key')?.versions).toEqual([{ value: 'second' }])
    expect(await adapter.getPassword('service', 'key')).toBe('second')
    expect(await adapter.findAccounts('service')).toEqual(['key'])
    expect(await adapter.deletePassword('service', 'key')).toBe(true)
    expect(await adapter.deletePassword('service', 'key')).toBe(false)
  })

  test('is assumed where the server does not know the question', async () => {
    server.mounts.set('secret', { type: 'kv', version: '1' })
    server.next.push(errors(404))
    const adapter = adapterWith()
    await adapter.setPassword('service', 'key', SECRET)
    expect([...server.secrets.keys()]).toEqual([AT])
    expect(server.requests.filter((request) => request.includes('sys/internal'))).toHaveLength(1)
  })
})

test('loading the package does not load the adapters', async () => {
  const program = `
    await new securestore.SecureStore('service', { keyringLoader: async () => null }).get('key')
    process.stdout.write(Object.keys(require.cache).filter((file) => file.includes('lib/adapters')).join())`
  expect(await runNode(program)).toBe('')
})
