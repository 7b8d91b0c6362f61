// The Vault adapter against a server that is sealed, slow, overloaded, killed, or not a Vault server.

import { createServer as createTcpServer } from 'node:net'
import { SecureStore } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { codeOf, storageError } from '../support/helpers'
import { runNode } from '../support/node'
import { VaultForEachTest } from './vault'
import { errors, TOKEN, VaultServer } from './vault-server'

const SECRET = 'sk-very-secret-value'
const vault = new VaultForEachTest()

describe('a server', () => {
  test('that is sealed is LOCKED', async () => {
    vault.server.sealed = true
    const error = await storageError(vault.adapter().getPassword('service', 'key'))
    expect(error.code).toBe('LOCKED')
    expect(error.remediation).toContain('unseal')
    vault.server.sealed = false
    const adapter = vault.adapter()
    await adapter.setPassword('service', 'key', SECRET)
    vault.server.sealed = true
    for (const call of [
      () => adapter.getPassword('service', 'key'),
      () => adapter.setPassword('service', 'key', SECRET),
      () => adapter.deletePassword('service', 'key'),
      () => adapter.findAccounts('service'),
    ]) {
      expect(await codeOf(call())).toBe('LOCKED')
    }
  })

  test('that refuses the token is DENIED, and the error holds no token', async () => {
    const error = await storageError(vault.adapter({ token: 'hvs.wrong-token' }).getPassword('service', 'key'))
    expect(error.code).toBe('DENIED')
    expect(`${error.message} ${error.remediation}`).not.toContain('wrong-token')
    const adapter = vault.adapter()
    await adapter.getPassword('service', 'key')
    vault.server.always = errors(403, 'permission denied')
    expect(await codeOf(adapter.setPassword('service', 'key', SECRET))).toBe('DENIED')
    expect(await codeOf(adapter.findAccounts('service'))).toBe('DENIED')
    expect(await codeOf(adapter.deletePassword('service', 'key'))).toBe('DENIED')
  })

  test('without the mount is DENIED, and the error names the mount', async () => {
    const error = await storageError(vault.adapter({ mount: 'elsewhere' }).getPassword('service', 'key'))
    expect(error.code).toBe('DENIED')
    expect(error.message).toContain("'elsewhere'")
  })

  test('whose mount is of another type is UNAVAILABLE', async () => {
    vault.server.mounts.set('transit', { type: 'transit', version: '1' })
    const error = await storageError(vault.adapter({ mount: 'transit' }).getPassword('service', 'key'))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).toContain('not a key-value store')
  })

  test('that was stopped between two calls is UNAVAILABLE', async () => {
    const adapter = vault.adapter()
    await adapter.setPassword('service', 'key', SECRET)
    await vault.server.stop()
    for (const call of [adapter.getPassword('service', 'key'), adapter.setPassword('service', 'key', 'x')]) {
      const error = await storageError(call)
      expect(error.code).toBe('UNAVAILABLE')
      expect(error.message).not.toContain(SECRET)
    }
  })

  test('that closes the connection before it answers is UNAVAILABLE', async () => {
    vault.server.always = { status: 0 }
    expect(await codeOf(vault.adapter().getPassword('service', 'key'))).toBe('UNAVAILABLE')
  })

  test('that never answers is TIMEOUT', async () => {
    vault.server.silent = true
    const error = await storageError(vault.adapter({ timeoutMs: 200 }).getPassword('service', 'key'))
    expect(error.code).toBe('TIMEOUT')
    expect(error.message).toContain('200 ms')
  })

  test('that never completes its answer is TIMEOUT, also while it keeps sending bytes', async () => {
    const dripping = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{')
      const timer = setInterval(() => socket.write(' '), 20)
      socket.on('close', () => clearInterval(timer))
    })
    await new Promise<void>((resolve) => dripping.listen(0, '127.0.0.1', resolve))
    const { port } = dripping.address() as { port: number }
    const adapter = vault.adapter({ address: `http://127.0.0.1:${port}`, timeoutMs: 300 })
    expect(await codeOf(adapter.getPassword('service', 'key'))).toBe('TIMEOUT')
    dripping.close()
  })

  test.each([429, 500, 502, 503])('that answers %i gets the request again until it answers', async (status) => {
    const adapter = vault.adapter()
    await adapter.setPassword('service', 'key', SECRET)
    vault.server.next.push(errors(status), errors(status))
    vault.server.requests.length = 0
    expect(await adapter.getPassword('service', 'key')).toBe(SECRET)
    expect(vault.requests()).toHaveLength(3)
  })

  test('that keeps answering 500 is TIMEOUT, and the error names the status', async () => {
    vault.server.always = errors(500, 'internal error')
    const error = await storageError(vault.adapter({ timeoutMs: 500 }).getPassword('service', 'key'))
    expect(error.code).toBe('TIMEOUT')
    expect(error.message).toContain('500)')
    expect(vault.server.requests.length).toBeGreaterThan(1)
  })

  test('that asks for a longer wait than the time limit is TIMEOUT without another request', async () => {
    vault.server.always = { status: 429, headers: { 'retry-after': '3600' } }
    expect(await codeOf(vault.adapter({ timeoutMs: 3_000_000 }).getPassword('service', 'key'))).toBe('TIMEOUT')
    expect(vault.server.requests).toHaveLength(1)
  })

  test('that names the time of the next attempt gets the request again', async () => {
    vault.server.next.push({ status: 429, headers: { 'retry-after': '0' } })
    expect(await vault.adapter().getPassword('service', 'key')).toBeNull()
    expect(vault.server.requests.filter((request) => request.includes('sys/internal'))).toHaveLength(2)
  })

  test('that redirects is UNAVAILABLE, and the token is not sent to the other server', async () => {
    const other = await new VaultServer().start()
    vault.server.always = { status: 307, headers: { location: `${other.address}/v1/x` } }
    expect(await codeOf(vault.adapter().getPassword('service', 'key'))).toBe('UNAVAILABLE')
    expect(other.requests).toEqual([])
    await other.stop()
  })

  test('that echoes the request does not bring secrets into an error', async () => {
    const adapter = vault.adapter()
    await adapter.getPassword('service', 'key')
    vault.server.always = errors(400, SECRET, TOKEN)
    const error = await storageError(adapter.setPassword('service', 'key', SECRET))
    expect(error.code).toBe('UNAVAILABLE')
    for (const text of [error.message, error.remediation, error.stack ?? '']) {
      expect(text).not.toContain(SECRET)
      expect(text).not.toContain(TOKEN)
    }
  })

  test('that is no Vault server is UNAVAILABLE', async () => {
    vault.server.always = { status: 200, body: 'hello' }
    expect(await codeOf(vault.adapter().getPassword('service', 'key'))).toBe('UNAVAILABLE')
  })

  test('does not keep a process alive after its calls', async () => {
    const program = `
      const { createVaultAdapter } = require('@llxprt/securestore/adapters')
      const adapter = createVaultAdapter({ cacheMs: 600_000 })
      await adapter.setPassword('service', 'key', 'value')
      process.stdout.write(await adapter.getPassword('service', 'key'))`
    expect(await runNode(program, { VAULT_ADDR: vault.server.address, VAULT_TOKEN: TOKEN })).toBe('value')
  })

  test('with 10,000 keys is listed by one request, and each value is read once', async () => {
    for (let i = 0; i < 10_000; i += 1) vault.server.write(`secret/llxprt/service/key-${i}`, { value: `value ${i}` })
    const adapter = vault.adapter()
    const store = new SecureStore('service', { keyringLoader: async () => adapter, fallbackPolicy: 'deny' })
    expect(await adapter.findAccounts('service')).toHaveLength(10_000)
    expect(vault.requests()).toEqual(['GET /v1/secret/metadata/llxprt/service?list=true'])
    const found = await adapter.findCredentials('service')
    expect(found).toHaveLength(10_000)
    expect(found.find(({ account }) => account === 'key-9999')?.password).toBe('value 9999')
    expect(await store.list()).toHaveLength(10_000)
  })
})
