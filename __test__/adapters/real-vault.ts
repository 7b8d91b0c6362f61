// The Vault adapter on a real server, RustyVault, which has version 1 of the engine. `npm run test:vault` runs this.

import { createVaultAdapter, type VaultAdapterOptions } from '@llxprt/securestore/adapters'
import { describe, expect, test } from 'vitest'
import { codeOf } from '../support/helpers'
import { adapterContract } from './adapter-contract'
import { EVERYTHING, expectContract } from './platform-contract'

interface Real {
  address: string
  token: string
  unsealKey: string
  pid: number
}

const real = JSON.parse(process.env.SECURESTORE_TEST_VAULT ?? '') as Real
const { address, token } = real
const adapterWith = (options: VaultAdapterOptions = {}) => createVaultAdapter({ address, token, ...options })

adapterContract(() => adapterWith())

test('the platform contract holds', () => expectContract(adapterWith(), EVERYTHING))

test('a value of 100,000 characters comes back', async () => {
  const adapter = adapterWith()
  await adapter.setPassword('service', 'large', 'ä'.repeat(100_000))
  expect(await adapter.getPassword('service', 'large')).toBe('ä'.repeat(100_000))
  expect(await adapter.deletePassword('service', 'large')).toBe(true)
})

test('1,000 keys are written, listed, read and deleted', async () => {
  const adapter = adapterWith()
  const names = Array.from({ length: 1_000 }, (_, i) => `key ${i}`)
  await Promise.all(names.map((name) => adapter.setPassword('many', name, `value of ${name}`)))
  expect((await adapter.findAccounts('many')).sort()).toEqual([...names].sort())
  const found = await adapter.findCredentials('many')
  expect(found.every(({ account, password }) => password === `value of ${account}`)).toBe(true)
  await Promise.all(names.map((name) => adapter.deletePassword('many', name)))
  expect(await adapter.findAccounts('many')).toEqual([])
})

test('a token that is not valid is DENIED', async () => {
  expect(await codeOf(adapterWith({ token: 'none' }).getPassword('service', 'key'))).toBe('DENIED')
})

describe('once the server changes', () => {
  test('a sealed server is LOCKED, and works again when it is unsealed', async () => {
    const adapter = adapterWith()
    await adapter.setPassword('service', 'key', 'value')
    await put('sys/seal', {})
    expect(await codeOf(adapter.getPassword('service', 'key'))).toBe('LOCKED')
    expect(await codeOf(adapter.setPassword('service', 'key', 'x'))).toBe('LOCKED')
    await put('sys/unseal', { key: real.unsealKey })
    expect(await adapter.getPassword('service', 'key')).toBe('value')
  })

  test('a stopped server is TIMEOUT, and one that was killed is UNAVAILABLE', async () => {
    const adapter = adapterWith({ timeoutMs: 500 })
    expect(await adapter.getPassword('service', 'key')).toBe('value')
    process.kill(real.pid, 'SIGSTOP')
    try {
      expect(await codeOf(adapter.getPassword('service', 'key'))).toBe('TIMEOUT')
    } finally {
      process.kill(real.pid, 'SIGCONT')
    }
    process.kill(real.pid, 'SIGKILL')
    await expect.poll(() => codeOf(adapter.getPassword('service', 'key')), { timeout: 30_000 }).toBe('UNAVAILABLE')
  })
})

async function put(path: string, body: object): Promise<void> {
  const headers = { 'x-vault-token': token }
  const response = await fetch(`${address}/v1/${path}`, { method: 'PUT', headers, body: JSON.stringify(body) })
  expect(response.ok).toBe(true)
}
