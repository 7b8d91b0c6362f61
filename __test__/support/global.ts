// Before all tests: a private keyring. Where there is none to be had the whole run fails, for it proves nothing then.

import type { TestProject } from 'vitest/node'
import { PrivateKeyring } from './keyring'

declare module 'vitest' {
  interface ProvidedContext {
    /** The bus of the private keyring. */
    keyringAddress: string
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const keyring = await PrivateKeyring.start()
  project.provide('keyringAddress', keyring.address)
  return () => keyring.stop()
}
