// Shared by most tests: new directories, a keyring in memory, and the errors of calls.

import { mkdtempSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { type KeyringAdapter, SecureStoreError } from '@llxprt/securestore'
import { expect } from 'vitest'

/** Creates a directory in the home of this test file. */
export function newDirectory(): string {
  return mkdtempSync(path.join(process.env.HOME ?? '', 'dir-'))
}

/** Returns the names of the files that hold values. The cache of derived keys beside them is left out. */
export function valueFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.enc'))
}

/** A keyring in memory that records its calls. Each call throws `failure` if that is set. */
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

  /** The loader of this keyring. */
  readonly loader = async (): Promise<KeyringAdapter> => this

  #called(name: string): void {
    this.calls.push(name)
    if (this.failure !== undefined) throw this.failure
  }
}

/** The loader of a machine without a keyring. */
export const noKeyring = async (): Promise<null> => null

/** Returns the `SecureStoreError` that a call rejects with. Any other outcome fails the test. */
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

/** Returns the code of the `SecureStoreError` that a call rejects with. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  return (await storageError(call)).code
}
