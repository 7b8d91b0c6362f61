// A fake Vault server for each test of a file, and adapters to it.

import { createVaultAdapter, type VaultAdapterOptions } from '@llxprt/securestore/adapters'
import { afterEach, beforeEach } from 'vitest'
import { TOKEN, VaultServer } from './vault-server'

/** Starts a server before each test of the file and stops it afterwards. */
export class VaultForEachTest {
  server = new VaultServer()

  constructor() {
    beforeEach(async () => {
      this.server = await new VaultServer().start()
    })
    afterEach(() => this.server.stop())
  }

  /** Returns an adapter with a valid token for the server. */
  adapter(options: VaultAdapterOptions = {}) {
    return createVaultAdapter({ address: this.server.address, token: TOKEN, ...options })
  }

  /** Returns the requests about secrets, without those about the mount. */
  requests(): string[] {
    return this.server.requests.filter((request) => !request.includes('/sys/'))
  }
}
