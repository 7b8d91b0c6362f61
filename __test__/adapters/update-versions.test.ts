// lib/update-versions.js: an update writes only if the version that it read is still current.

import { createRequire } from 'node:module'
import path from 'node:path'
import { createVaultAdapter, type VersionedKeyringAdapter } from '@llxprt/securestore/adapters'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { codeOf, FakeKeyring } from '../support/helpers'
import { ROOT } from '../support/node'
import { TOKEN, VaultServer } from './vault-server'

interface Versions {
  startUpdate(service: string, account: string): { end(): void }
  readForUpdates(adapter: object, service: string, account: string): Promise<string | null>
  writeForUpdates(adapter: object, service: string, account: string, password: string): Promise<boolean>
  deleteForUpdates(adapter: object, service: string, account: string): Promise<boolean>
}

const load = createRequire(__filename)
const { startUpdate, readForUpdates, writeForUpdates, deleteForUpdates } = load(
  path.join(ROOT, 'lib/update-versions.js'),
) as Versions

let server: VaultServer
let here: VersionedKeyringAdapter
let there: VersionedKeyringAdapter
const KEY = ['service', 'key'] as const

beforeEach(async () => {
  server = await new VaultServer().start()
  const options = { address: server.address, token: TOKEN }
  here = createVaultAdapter(options)
  there = createVaultAdapter(options)
  await here.setPassword(...KEY, 'first')
})
afterEach(() => server.stop())

test('an update writes the version of its own read, also if a newer version was read in between', async () => {
  const update = startUpdate(...KEY)
  expect(await readForUpdates(here, ...KEY)).toBe('first')
  await there.setPassword(...KEY, 'theirs')
  expect(await readForUpdates(here, ...KEY)).toBe('theirs')
  expect(await codeOf(writeForUpdates(here, ...KEY, 'ours'))).toBe('CONFLICT')
  update.end()
  expect(await there.getPassword(...KEY)).toBe('theirs')
})

test('of several reads before a change, the version of the oldest counts', async () => {
  const update = startUpdate(...KEY)
  await readForUpdates(here, ...KEY)
  await there.setPassword(...KEY, 'theirs')
  await readForUpdates(here, ...KEY)
  expect(await codeOf(deleteForUpdates(here, ...KEY))).toBe('CONFLICT')
  expect(await readForUpdates(here, ...KEY)).toBe('theirs')
  expect(await deleteForUpdates(here, ...KEY)).toBe(true)
  update.end()
  expect(await there.getPassword(...KEY)).toBeNull()
})

test('a write that another program replaces immediately is verified by its version', async () => {
  const update = startUpdate(...KEY)
  await readForUpdates(here, ...KEY)
  const { setVersioned } = here
  here.setVersioned = async (...args) => {
    const version = await setVersioned(...args)
    await there.setPassword(...KEY, 'theirs')
    return version
  }
  expect(await writeForUpdates(here, ...KEY, 'ours')).toBe(true)
  update.end()
  expect(await there.getPassword(...KEY)).toBe('theirs')
  expect(server.secrets.get('secret/llxprt/service/key')?.versions).toHaveLength(3)
})

test('a write that cannot be read back, or is missing, is not verified', async () => {
  for (const readBack of [() => Promise.reject(new Error('gone')), async () => ({ password: null, version: 2 })]) {
    const adapter = { ...here }
    const update = startUpdate(...KEY)
    await readForUpdates(adapter, ...KEY)
    adapter.setVersioned = async () => 2
    adapter.getVersioned = readBack
    expect(await writeForUpdates(adapter, ...KEY, 'ours')).toBe(false)
    update.end()
  }
})

test('without an update, and for other keys, reads and writes depend on no version', async () => {
  expect(await readForUpdates(here, ...KEY)).toBe('first')
  await writeForUpdates(here, ...KEY, 'second')
  const update = startUpdate('service', 'other')
  await there.getPassword(...KEY)
  await writeForUpdates(here, ...KEY, 'third')
  update.end()
  expect(await deleteForUpdates(here, ...KEY)).toBe(true)
  expect(await deleteForUpdates(here, ...KEY)).toBe(false)
})

test('adapters without versions are used as they are', async () => {
  const keyring = new FakeKeyring()
  const update = startUpdate(...KEY)
  await writeForUpdates(keyring, ...KEY, 'value')
  expect(await readForUpdates(keyring, ...KEY)).toBe('value')
  expect(await deleteForUpdates(keyring, ...KEY)).toBe(true)
  update.end()
  expect(keyring.calls).toEqual(['set', 'get', 'delete'])
})
