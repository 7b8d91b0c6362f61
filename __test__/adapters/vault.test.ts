// The Vault adapter against a fake server on the loopback interface.

import { existsSync } from 'node:fs'
import path from 'node:path'
import { SecureStore } from '@llxprt/securestore'
import { beforeEach, describe, expect, test } from 'vitest'
import { codeOf, newDirectory, storageError } from '../support/helpers'
import { runNode } from '../support/node'
import { adapterContract } from './adapter-contract'
import { EVERYTHING, expectContract } from './platform-contract'
import { VaultForEachTest } from './vault'
import { errors } from './vault-server'

const SECRET = 'sk-very-secret-value'
const AT = 'secret/llxprt/service/key'
const vault = new VaultForEachTest()

describe('the contract of all adapters', () => adapterContract(() => vault.adapter()))

test('the platform contract holds', () => expectContract(vault.adapter(), EVERYTHING))

describe('values', () => {
  test('are stored, read, listed and deleted, with their history', async () => {
    const adapter = vault.adapter()
    expect(await adapter.getPassword('service', 'key')).toBeNull()
    await adapter.setPassword('service', 'key', SECRET)
    expect(await adapter.getPassword('service', 'key')).toBe(SECRET)
    expect(vault.server.secrets.get(AT)?.versions).toEqual([{ value: SECRET }])
    await adapter.setPassword('service', 'other', 'other value')
    expect(await adapter.findAccounts('service')).toEqual(['key', 'other'])
    expect(await adapter.findCredentials('service')).toEqual([
      { account: 'key', password: SECRET },
      { account: 'other', password: 'other value' },
    ])
    expect(await adapter.deletePassword('service', 'key')).toBe(true)
    expect(await adapter.deletePassword('service', 'key')).toBe(false)
    expect(vault.server.secrets.has(AT)).toBe(false)
    expect(await adapter.findAccounts('empty service')).toEqual([])
  })

  test.each(['', ' spaces ', 'a\r\nb\n', 'emoji 🔑', 'quote " backslash \\', 'x'.repeat(2 ** 20)])(
    'come back unchanged (case %#)',
    async (value) => {
      const adapter = vault.adapter()
      await adapter.setPassword('service', 'key', value)
      expect(await adapter.getPassword('service', 'key')).toBe(value)
    },
  )

  test('that another program deleted read as null, and can be stored again', async () => {
    const adapter = vault.adapter()
    await adapter.setPassword('service', 'key', SECRET)
    vault.server.softDelete(AT)
    expect(await adapter.getPassword('service', 'key')).toBeNull()
    await adapter.setPassword('service', 'key', 'again')
    expect(vault.server.secrets.get(AT)?.versions).toHaveLength(2)
    vault.server.softDelete(AT)
    expect(await vault.adapter().deletePassword('service', 'key')).toBe(false)
    expect(vault.server.secrets.has(AT)).toBe(false)
  })

  test('whose entry has no text field `value` are CORRUPT', async () => {
    vault.server.write(AT, { password: SECRET })
    const error = await storageError(vault.adapter().getPassword('service', 'key'))
    expect(error.code).toBe('CORRUPT')
    expect(error.message).toContain('llxprt/service/key')
    expect(error.message).not.toContain(SECRET)
  })

  test('are cached only with cacheMs, and never for the read that verifies a write', async () => {
    const adapter = vault.adapter({ cacheMs: 60_000 })
    await adapter.setPassword('service', 'key', SECRET)
    vault.server.requests.length = 0
    expect(await adapter.getPassword('service', 'key')).toBe(SECRET)
    expect(await adapter.getPassword('service', 'key')).toBe(SECRET)
    expect(vault.requests()).toEqual(['GET /v1/secret/data/llxprt/service/key'])
    await adapter.setPassword('service', 'other', 'old')
    const before = adapter.getPassword('service', 'other')
    await Promise.all([before, adapter.setPassword('service', 'other', 'new')])
    expect(await adapter.getPassword('service', 'other')).toBe('new')
    await adapter.setPassword('service', 'key', 'changed')
    expect(await adapter.getPassword('service', 'key')).toBe('changed')
    await adapter.deletePassword('service', 'key')
    expect(await adapter.getPassword('service', 'key')).toBeNull()
    const without = vault.adapter()
    await without.setPassword('service', 'key', SECRET)
    vault.server.requests.length = 0
    await without.getPassword('service', 'key')
    await without.getPassword('service', 'key')
    expect(vault.requests()).toHaveLength(2)
  })

  test('are written and verified by a store with two requests, once the version is known', async () => {
    const adapter = vault.adapter()
    const store = new SecureStore('service', { keyringLoader: async () => adapter, fallbackPolicy: 'deny' })
    await store.set('key', 'first')
    vault.server.requests.length = 0
    await store.set('key', SECRET)
    expect(vault.requests().filter((request) => request.startsWith('POST'))).toHaveLength(1)
    expect(vault.requests().length).toBeLessThanOrEqual(2)
    expect(await store.get('key')).toBe(SECRET)
    expect(await store.list()).toEqual(['key'])
    expect(await store.delete('key')).toBe(true)
  })
})

describe('names', () => {
  test.each(['../x', 'a/b?c#d', '..', '.', '-rf', '%2e%2e', 'ä 🔑', '~2F', 'a\\b', 'sp ace', '\u0000'])(
    '%j stays below its prefix and comes back from the list',
    async (name) => {
      const adapter = vault.adapter()
      await adapter.setPassword(name, name, SECRET)
      expect(await adapter.getPassword(name, name)).toBe(SECRET)
      expect(await adapter.findAccounts(name)).toEqual([name])
      for (const path of vault.server.secrets.keys()) expect(path).toMatch(/^secret\/llxprt\/[^/]+\/[^/]+$/)
      expect(await adapter.deletePassword(name, name)).toBe(true)
    },
  )

  test('that differ never share an entry', async () => {
    const adapter = vault.adapter()
    const names = ['a/b', 'a~2Fb', 'a%2Fb', 'A/b', '.a', '~2Ea', 'a.']
    for (const name of names) await adapter.setPassword('service', name, name)
    for (const name of names) expect(await adapter.getPassword('service', name)).toBe(name)
    expect((await adapter.findAccounts('service')).sort()).toEqual([...names].sort())
  })

  test('that are empty are refused before the server is asked', async () => {
    expect(await codeOf(vault.adapter().getPassword('service', ''))).toBe('CORRUPT')
    expect(await codeOf(vault.adapter().getPassword('', 'account'))).toBe('CORRUPT')
    expect(vault.server.requests).toEqual([])
  })

  test('that other programs wrote are listed only if the adapter can read them', async () => {
    vault.server.write('secret/llxprt/service/with space', { value: 'x' })
    vault.server.write('secret/llxprt/service/folder/deeper', { value: 'x' })
    vault.server.write('secret/llxprt/service/plain', { value: 'x' })
    expect(await vault.adapter().findAccounts('service')).toEqual(['plain'])
  })
})

describe('two machines', () => {
  test('that write one key get CONFLICT and no lost update', async () => {
    const [here, there] = [vault.adapter(), vault.adapter()]
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
    const [here, there] = [vault.adapter(), vault.adapter()]
    expect(await here.getPassword('service', 'key')).toBeNull()
    await there.setPassword('service', 'key', 'theirs')
    expect(await codeOf(here.setPassword('service', 'key', 'ours'))).toBe('CONFLICT')
  })

  test('that change a key that was deleted meanwhile get CONFLICT', async () => {
    const [here, there] = [vault.adapter(), vault.adapter()]
    await here.setPassword('service', 'key', 'first')
    await there.deletePassword('service', 'key')
    expect(await codeOf(here.setPassword('service', 'key', 'ours'))).toBe('CONFLICT')
  })

  test('a write of a version fails when another program wrote, also if that value was read in between', async () => {
    const [here, there] = [vault.adapter(), vault.adapter()]
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

  test('a set of a store rejects with CONFLICT and writes no file if another machine wrote first', async () => {
    const [here, there] = [vault.adapter(), vault.adapter()]
    const fallbackDir = newDirectory()
    const store = new SecureStore('service', { keyringLoader: async () => here, fallbackDir })
    await store.set('key', 'first')
    await there.setPassword('service', 'key', 'theirs')
    expect(await codeOf(store.set('key', 'ours'))).toBe('CONFLICT')
    expect(await store.get('key')).toBe('theirs')
    expect(existsSync(path.join(fallbackDir, 'key.enc'))).toBe(false)
  })

  test.each(['status', 'connection'] as const)(
    'a write that took effect and whose answer was lost (%s) is no conflict',
    async (lost) => {
      const adapter = vault.adapter()
      await adapter.setPassword('service', 'key', 'first')
      vault.server.loseNextWrite = lost
      await adapter.setPassword('service', 'key', SECRET)
      expect(vault.server.secrets.get(AT)?.versions).toEqual([{ value: 'first' }, { value: SECRET }])
      await adapter.setPassword('service', 'key', 'third')
    },
  )

  test('calls for one key run in the order in which they were made', async () => {
    const adapter = vault.adapter()
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
  describe('the contract of all adapters', () => {
    beforeEach(() => vault.server.mounts.set('secret', { type: 'kv', version: '1' }))
    adapterContract(() => vault.adapter())
  })

  test('is used for a mount that has it', async () => {
    vault.server.mounts.set('team/old', { type: 'kv', version: '1' })
    const adapter = vault.adapter({ mount: 'team/old', prefix: '' })
    expect(await adapter.getPassword('service', 'key')).toBeNull()
    await adapter.setPassword('service', 'key', SECRET)
    await adapter.setPassword('service', 'key', 'second')
    expect(vault.server.secrets.get('team/old/service/key')?.versions).toEqual([{ value: 'second' }])
    expect(await adapter.getPassword('service', 'key')).toBe('second')
    expect(await adapter.findAccounts('service')).toEqual(['key'])
    expect(await adapter.deletePassword('service', 'key')).toBe(true)
    expect(await adapter.deletePassword('service', 'key')).toBe(false)
  })

  test('is assumed if the server does not support the request for the mount', async () => {
    vault.server.mounts.set('secret', { type: 'kv', version: '1' })
    vault.server.next.push(errors(404))
    const adapter = vault.adapter()
    await adapter.setPassword('service', 'key', SECRET)
    expect([...vault.server.secrets.keys()]).toEqual([AT])
    expect(vault.server.requests.filter((request) => request.includes('sys/internal'))).toHaveLength(1)
  })
})

test('loading the package does not load the adapters', async () => {
  const program = `
    await new securestore.SecureStore('service', { keyringLoader: async () => null }).get('key')
    process.stdout.write(Object.keys(require.cache).filter((file) => file.includes('lib/adapters')).join())`
  expect(await runNode(program)).toBe('')
})
