// The options of the Vault adapter, and their defaults.

import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createVaultAdapter, type VaultAdapterOptions } from '@llxprt/securestore/adapters'
import { describe, expect, test } from 'vitest'
import { codeOf, newDirectory, storageError } from '../support/helpers'
import { VaultForEachTest } from './vault'
import { TOKEN, VaultServer } from './vault-server'

const SECRET = 'sk-very-secret-value'
const vault = new VaultForEachTest()

describe('options', () => {
  test('default to environment variables and to ~/.vault-token', async () => {
    process.env.VAULT_ADDR = vault.server.address
    process.env.VAULT_TOKEN = TOKEN
    try {
      expect(await createVaultAdapter().getPassword('service', 'key')).toBeNull()
      delete process.env.VAULT_TOKEN
      process.env.BAO_TOKEN = TOKEN
      expect(await createVaultAdapter().getPassword('service', 'key')).toBeNull()
      delete process.env.BAO_TOKEN
      expect(await codeOf(createVaultAdapter().getPassword('service', 'key'))).toBe('DENIED')
      writeFileSync(path.join(process.env.HOME ?? '', '.vault-token'), `${TOKEN}\n`)
      expect(await createVaultAdapter().getPassword('service', 'key')).toBeNull()
    } finally {
      for (const name of ['VAULT_ADDR', 'VAULT_TOKEN', 'BAO_TOKEN']) delete process.env[name]
    }
    expect(() => createVaultAdapter()).toThrow('The address of the Vault server is missing')
  })

  test('a token file is read at each request', async () => {
    const tokenFile = path.join(newDirectory(), 'token')
    const adapter = createVaultAdapter({ address: vault.server.address, tokenFile })
    expect(await codeOf(adapter.getPassword('service', 'key'))).toBe('DENIED')
    writeFileSync(tokenFile, 'hvs.expired')
    expect(await codeOf(adapter.getPassword('service', 'key'))).toBe('DENIED')
    writeFileSync(tokenFile, `${TOKEN}\n`)
    expect(await adapter.getPassword('service', 'key')).toBeNull()
    writeFileSync(tokenFile, 'two words')
    const error = await storageError(adapter.getPassword('service', 'key'))
    expect(error.message).toContain(tokenFile)
    expect(error.message).not.toContain('two words')
    mkdirSync(`${tokenFile}.d`)
    const directory = createVaultAdapter({ address: vault.server.address, tokenFile: `${tokenFile}.d` })
    expect(await codeOf(directory.getPassword('service', 'key'))).toBe('DENIED')
  })

  test('the namespace is sent', async () => {
    const own = await new VaultServer({ namespace: 'team/a' }).start()
    const adapter = createVaultAdapter({ address: own.address, token: TOKEN, namespace: 'team/a' })
    await adapter.setPassword('service', 'key', SECRET)
    expect(own.headers['x-vault-namespace']).toBe('team/a')
    const wrong = createVaultAdapter({ address: own.address, token: TOKEN, namespace: 'team/b' })
    expect(await codeOf(wrong.getPassword('service', 'key'))).toBe('UNAVAILABLE')
    await own.stop()
  })

  test('an address may have a path, as behind a proxy', async () => {
    // The fake server has nothing at this path.
    expect(await vault.adapter({ address: `${vault.server.address}/vault/` }).getPassword('service', 'key')).toBeNull()
    expect(vault.server.requests[0]).toBe('GET /vault/v1/sys/internal/ui/mounts/secret')
  })

  test.each([
    [{ adress: 'http://x' }, "unknown option 'adress'"],
    [{ address: 'vault:8200' }, 'must be a URL'],
    [{ address: 'ftp://vault' }, 'must be a URL'],
    [{ address: 'http://user:pw@vault' }, 'must not contain a user, password'],
    [{ mount: '../sys' }, "'mount'"],
    [{ mount: 'a//b' }, "'mount'"],
    [{ prefix: 'a/../b' }, "'prefix'"],
    [{ prefix: 'a?b' }, "'prefix'"],
    [{ timeoutMs: 0 }, "'timeoutMs'"],
    [{ cacheMs: -1 }, "'cacheMs'"],
    [{ token: TOKEN, tokenFile: '/x' }, 'not both'],
    [{ namespace: 'a\nb' }, "'namespace'"],
    [{ token: '' }, "'token'"],
  ])('%j is a TypeError that names the option', (options, message) => {
    const all = { address: 'http://127.0.0.1:1', ...options } as VaultAdapterOptions
    expect(() => createVaultAdapter(all)).toThrow(TypeError)
    expect(() => createVaultAdapter(all)).toThrow(message)
  })
})
