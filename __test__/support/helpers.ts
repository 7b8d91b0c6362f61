// What most tests need: a directory, a keyring in memory, and a look at how a call fails.

import { mkdtempSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { type KeyringAdapter, SecureStoreError } from '@llxprt/securestore'
import { expect } from 'vitest'

/** A new directory in this file's home. */
export function newDirectory(): string {
  return mkdtempSync(path.join(process.env.HOME ?? '', 'dir-'))
}

/** Returns the names of the files that hold values. The cache of derived keys beside them is left out. */
export function valueFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.enc'))
}

/** A keyring in memory that counts its calls and fails when told to. */
export class FakeKeyring implements Required<KeyringAdapter> {
  readonly entries = new Map<string, string>()
  calls: string[] = []
  failure: unknown

  async getPassword(service: string, account: string): Promise<string | null> {
    this.#called('get')
    return this.entries.get(`${service}/${account}`) ?? null
  }

  async setPassword(service: string, account: string, password: string): Promise<void> {
    this.#called('set')
    this.entries.set(`${service}/${account}`, password)
  }

  async deletePassword(service: string, account: string): Promise<boolean> {
    this.#called('delete')
    return this.entries.delete(`${service}/${account}`)
  }

  async findCredentials(service: string): Promise<Array<{ account: string; password: string }>> {
    this.#called('find')
    return [...this.entries]
      .filter(([name]) => name.startsWith(`${service}/`))
      .map(([name, password]) => ({ account: name.slice(service.length + 1), password }))
  }

  /** For `keytarLoader`. */
  readonly loader = async (): Promise<KeyringAdapter> => this

  #called(name: string): void {
    this.calls.push(name)
    if (this.failure !== undefined) throw this.failure
  }
}

/** The loader of a machine without a keyring. */
export const noKeyring = async (): Promise<null> => null

/** The `SecureStoreError` a call rejects with; anything else fails the test. */
export async function storageError(call: Promise<unknown>): Promise<SecureStoreError> {
  const outcome = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  expect(outcome).toHaveProperty('error')
  const { error } = outcome as { error: unknown }
  expect(error).toBeInstanceOf(SecureStoreError)
  return error as SecureStoreError
}

/** The code of the `SecureStoreError` a call rejects with. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  return (await storageError(call)).code
}
