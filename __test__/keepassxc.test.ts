// A real KeePassXC on a private bus, with the dialogs that it shows by default. It has no display and nobody answers.

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

const newStore = (keyringTimeoutMs = 20_000) =>
  new SecureStore('keepassxc', { fallbackDir: newDirectory(), fallbackPolicy: 'deny', keyringTimeoutMs })

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

test('R3.5 a locked KeePassXC that finds nothing is LOCKED, not empty', async () => {
  const running = await start({ settings: { UnlockBeforeSearch: false } })
  const store = newStore(3_000)
  await store.set('key', 'value')
  running.lock()
  await expect(store.has('key')).rejects.toHaveProperty('code', 'LOCKED')
  await expect(store.get('key')).rejects.toHaveProperty('code', expect.stringMatching(/^(LOCKED|TIMEOUT|DENIED)$/))
  for (const call of [store.get('key'), store.has('key'), store.list(), store.delete('key'), store.set('key', 'x')]) {
    await expect(call).rejects.toHaveProperty('code', 'LOCKED')
  }
})

test('R7B a locked KeePassXC is waited for once, then answered at once', async () => {
  const running = await start()
  const store = newStore(3_000)
  await store.set('key', 'value')
  running.lock()
  await expect(store.get('key')).rejects.toHaveProperty('code', expect.stringMatching(/^(LOCKED|TIMEOUT|DENIED)$/))
  // A store with a limit that no test waits for.
  const patient = newStore(600_000)
  for (const call of [patient.get('key'), patient.has('key'), patient.list(), patient.delete('key')]) {
    await expect(call).rejects.toHaveProperty('code', 'LOCKED')
  }
})

test('R7B names are listed without a dialog where each access needs one', async () => {
  const running = await start({ settings: { ConfirmAccessItem: true } })
  const args = ['store', '--label=x', 'service', 'keepassxc', 'username', 'theirs']
  execFileSync('secret-tool', args, { env: running.environment(), input: 'value' })
  // A limit that no test waits for: a dialog would be waited for until then.
  const store = newStore(600_000)
  expect(await store.list()).toEqual(['theirs'])
  expect(await store.has('theirs')).toBe(true)
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
