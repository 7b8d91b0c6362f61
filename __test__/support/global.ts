// Starts a private keyring before all tests. The whole run fails if it cannot be started.

import type { TestProject } from 'vitest/node'
import { PrivateKeyring } from './keyring'

declare module 'vitest' {
  interface ProvidedContext {
    /** The bus address of the private keyring. */
    keyringAddress: string
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const keyring = await PrivateKeyring.start()
  project.provide('keyringAddress', keyring.address)
  return () => keyring.stop()
}
