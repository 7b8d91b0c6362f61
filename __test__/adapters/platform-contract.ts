// The platform contract on an adapter in place of the keyring of the platform.

import { createRequire } from 'node:module'
import path from 'node:path'
import * as addon from '@llxprt/securestore'
import type { RemoteKeyringAdapter } from '@llxprt/securestore/adapters'
import { expect, vi } from 'vitest'
import { newDirectory } from '../support/helpers'
import { ROOT } from '../support/node'

type Part = (place: object) => Promise<void>

const load = createRequire(__filename)
const contract = (file: string) => load(path.join(ROOT, 'scripts/platform-contract', file))
const { store } = contract('store.js') as { store: Part }
const { namedKeys } = contract('named-keys.js') as { namedKeys: Part }
const { session } = contract('session.js') as { session: Part }
const { thinStores } = contract('thin-stores.js') as { thinStores: Part }
const { total } = contract('check.js') as { total: { passed: number; failed: number } }

/** The part about one store, and all parts. */
export const STORE = [store]
export const EVERYTHING = [store, namedKeys, session, thinStores]

/** Runs parts of the contract. Fails with the list of checks that failed. */
export async function expectContract(adapter: RemoteKeyringAdapter, parts: Part[]): Promise<void> {
  const lines: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((line) => lines.push(String(line)))
  const before = total.passed
  const directory = newDirectory()
  try {
    const loader = async () => adapter
    const place = { addon, directory, home: directory, service: 'contract', label: 'adapter', loader, inKeyring: true }
    for (const part of parts) await part(place)
  } finally {
    log.mockRestore()
  }
  expect(lines.filter((line) => line.startsWith('FAILED'))).toEqual([])
  expect(total.passed - before).toBeGreaterThanOrEqual(parts.length)
}
