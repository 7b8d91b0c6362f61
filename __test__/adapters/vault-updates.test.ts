// `SecureStore.update` on a key of a Vault server, from several processes: no update is lost.

import { SecureStore } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { newDirectory } from '../support/helpers'
import { runNode } from '../support/node'
import { VaultForEachTest } from './vault'
import { TOKEN } from './vault-server'

const PROCESSES = 8
const UPDATES = 25
const vault = new VaultForEachTest()

/** Increments a counter. The time limits are long, so that they suffice on a slow machine. */
const COUNTING = `
  const { createVaultAdapter } = require('@llxprt/securestore/adapters')
  const adapter = createVaultAdapter({ timeoutMs: 30_000 })
  const options = { keyringLoader: async () => adapter, fallbackPolicy: 'deny', lockDir: process.env.LOCK_DIR, keyringTimeoutMs: 45_000 }
  const store = new securestore.SecureStore('service', options)
  for (let i = 0; i < ${UPDATES}; i += 1) await store.update('counter', (value) => String(Number(value ?? 0) + 1))`

describe(`${PROCESSES} processes with ${UPDATES} updates each lose none`, () => {
  test.each(['on one machine', 'on as many machines'])('%s', async (where) => {
    const shared = newDirectory()
    const count = () => {
      const lockDir = where === 'on one machine' ? shared : newDirectory()
      return runNode(COUNTING, { VAULT_ADDR: vault.server.address, VAULT_TOKEN: TOKEN, LOCK_DIR: lockDir })
    }
    await Promise.all(Array.from({ length: PROCESSES }, count))
    const adapter = vault.adapter()
    expect(await adapter.getPassword('service', 'counter')).toBe(String(PROCESSES * UPDATES))
  })
})

describe('an update', () => {
  const newStore = () => {
    const adapter = vault.adapter()
    const store = new SecureStore('service', { keyringLoader: async () => adapter, lockDir: newDirectory() })
    return { adapter, store }
  }

  test('calls its function again with the value that another machine wrote meanwhile', async () => {
    const [here, there] = [newStore(), newStore()]
    await here.store.set('key', 'first')
    const seen: Array<string | null> = []
    const stored = await here.store.update('key', async (current) => {
      seen.push(current)
      if (seen.length === 1) {
        await there.adapter.setPassword('service', 'key', 'theirs')
        // Another read in this process does not hide the change.
        await here.store.get('key')
      }
      return `${current} and ours`
    })
    expect(seen).toEqual(['first', 'theirs'])
    expect(stored).toBe('theirs and ours')
    expect(await there.store.get('key')).toBe('theirs and ours')
  })

  test('that deletes does not delete a value that another machine wrote meanwhile', async () => {
    const [here, there] = [newStore(), newStore()]
    await here.store.set('key', 'first')
    const seen: Array<string | null> = []
    await here.store.update('key', async (current) => {
      seen.push(current)
      if (seen.length === 1) await there.adapter.setPassword('service', 'key', 'theirs')
      return current === 'first' ? null : undefined
    })
    expect(seen).toEqual(['first', 'theirs'])
    expect(await there.store.get('key')).toBe('theirs')
  })

  test('whose own function rejects with CONFLICT is not repeated', async () => {
    const { store } = newStore()
    let calls = 0
    const failing = store.update('key', () => {
      calls += 1
      throw Object.assign(new Error('mine'), { code: 'CONFLICT' })
    })
    await expect(failing).rejects.toThrow('mine')
    expect(calls).toBe(1)
  })
})
