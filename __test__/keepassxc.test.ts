// A real KeePassXC on a private bus, with the dialogs that it shows by default. There is no display, so they get no answer.

import { execFileSync } from 'node:child_process'
import { SecureStore } from '@llxprt/securestore'
import { afterEach, expect, test } from 'vitest'
import { KeePassXc } from '../scripts/lib/keepassxc.js'
import { newDirectory } from './support/helpers'

let service: InstanceType<typeof KeePassXc> | undefined
const bus = process.env.DBUS_SESSION_BUS_ADDRESS

afterEach(() => {
  service?.stop()
  process.env.DBUS_SESSION_BUS_ADDRESS = bus
})

/** Starts KeePassXC and makes it the keyring of this process. */
async function start(options: Parameters<typeof KeePassXc.start>[0] = {}) {
  service = await KeePassXc.start(options)
  process.env.DBUS_SESSION_BUS_ADDRESS = service.address
  delete process.env.LLXPRT_DISABLE_OS_KEYRING
  return service
}

/** A time limit that no test waits for. A call that uses it up fails by the time limit of its test. */
const NEVER_MS = 600_000

const newStore = (keyringTimeoutMs = NEVER_MS) =>
  new SecureStore('keepassxc', { fallbackDir: newDirectory(), fallbackPolicy: 'deny', keyringTimeoutMs })

async function expectLocked(store: SecureStore) {
  const calls = [store.get('key'), store.has('key'), store.list(), store.delete('key'), store.set('key', 'x')]
  const codes = (await Promise.allSettled(calls)).map((result) => 'reason' in result && result.reason.code)
  expect(codes).toEqual(calls.map(() => 'LOCKED'))
}

test('R1 a value in KeePassXC is saved, found, replaced, listed and deleted', async () => {
  await start()
  const store = newStore()
  expect(await store.get('key')).toBeNull()
  for (const value of ['one', 'two', '']) {
    await store.set('key', value)
    expect(await store.get('key')).toBe(value)
  }
  expect(await store.list()).toEqual(['key'])
  expect(await store.has('key')).toBe(true)
  expect(await store.delete('key')).toBe(true)
  expect(await store.list()).toEqual([])
})

const ITEM = { service: 'keepassxc', account: 'key', secret: 'value' }

/** The code of the first call on a locked keyring, which may have waited for a dialog. */
const FIRST_REFUSAL = expect.stringMatching(/^(LOCKED|TIMEOUT|DENIED)$/)

test('R3.5 a locked KeePassXC that finds nothing counts as LOCKED and not as empty', async () => {
  await start({ settings: { UnlockBeforeSearch: false }, locked: true, items: [ITEM] })
  const store = newStore(2_000)
  await expect(store.has('key')).rejects.toHaveProperty('code', 'LOCKED')
  await expect(store.get('key')).rejects.toHaveProperty('code', FIRST_REFUSAL)
  await expectLocked(newStore())
})

test('R7B only the first call on a locked KeePassXC waits for its time limit', async () => {
  await start({ locked: true, items: [ITEM] })
  await expect(newStore(2_000).get('key')).rejects.toHaveProperty('code', FIRST_REFUSAL)
  await expectLocked(newStore())
})

test('R7B an item whose dialog got no answer is LOCKED without another one, and names are listed', async () => {
  await start({ settings: { ConfirmAccessItem: true }, items: [ITEM] })
  const store = newStore()
  expect(await store.list()).toEqual(['key'])
  expect(await store.has('key')).toBe(true)
  await expect(newStore(2_000).get('key')).rejects.toHaveProperty('code', FIRST_REFUSAL)
  await expect(store.get('key')).rejects.toHaveProperty('code', 'LOCKED')
  expect(await store.list()).toEqual(['key'])
})

test('R3.1 after a set, secret-tool reads the new value although deleting a duplicate needs a dialog', async () => {
  const running = await start({ settings: { ConfirmDeleteItem: true } })
  const env = running.environment()
  const attributes = ['service', 'keepassxc', 'username', 'key']
  for (const mark of ['a', 'b']) {
    execFileSync('secret-tool', ['store', '--label=x', ...attributes, 'mark', mark], { env, input: `older ${mark}` })
  }
  const store = newStore()
  await store.set('key', 'new')
  expect(await store.get('key')).toBe('new')
  expect(execFileSync('secret-tool', ['lookup', ...attributes], { env, encoding: 'utf8' })).toBe('new')
})
