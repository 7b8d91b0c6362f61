// The Vault adapter against a server that is sealed, slow, overloaded, killed or not what it should be.

import { createServer as createTcpServer } from 'node:net'
import { SecureStore } from '@llxprt/securestore'
import { createVaultAdapter, type VaultAdapterOptions } from '@llxprt/securestore/adapters'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, storageError } from '../support/helpers'
import { runNode } from '../support/node'
import { errors, TOKEN, VaultServer } from './vault-server'

const SECRET = 'sk-very-secret-value'
let server: VaultServer

beforeEach(async () => {
  server = await new VaultServer().start()
})
afterEach(() => server.stop())

const adapterWith = (options: VaultAdapterOptions = {}) =>
  createVaultAdapter({ address: server.address, token: TOKEN, ...options })

/** The requests about secrets, without those about the mount. */
const requests = () => server.requests.filter((request) => !request.includes('/sys/'))

describe('a server', () => {
  test('that is sealed is LOCKED', async () => {
    server.sealed = true
    const error = await storageError(adapterWith().getPassword('service', 'key'))
    expect(error.code).toBe('LOCKED')
    expect(error.remediation).toContain('unseal')
    server.sealed = false
    const adapter = adapterWith()
    await adapter.setPassword('service', 'key', SECRET)
    server.sealed = true
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
    const error = await storageError(adapterWith({ token: 'hvs.wrong-token' }).getPassword('service', 'key'))
    expect(error.code).toBe('DENIED')
    expect(`${error.message} ${error.remediation}`).not.toContain('wrong-token')
    const adapter = adapterWith()
    await adapter.getPassword('service', 'key')
    server.always = errors(403, 'permission denied')
    expect(await codeOf(adapter.setPassword('service', 'key', SECRET))).toBe('DENIED')
    expect(await codeOf(adapter.findAccounts('service'))).toBe('DENIED')
    expect(await codeOf(adapter.deletePassword('service', 'key'))).toBe('DENIED')
  })

  test('without the mount is DENIED, and the error names the mount', async () => {
    const error = await storageError(adapterWith({ mount: 'elsewhere' }).getPassword('service', 'key'))
    expect(error.code).toBe('DENIED')
    expect(error.message).toContain("'elsewhere'")
  })

  test('whose mount is of another type is UNAVAILABLE', async () => {
    server.mounts.set('transit', { type: 'transit', version: '1' })
    const error = await storageError(adapterWith({ mount: 'transit' }).getPassword('service', 'key'))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).toContain('not a key-value store')
  })

  test('that cannot be connected to is UNAVAILABLE, also when it was killed in between', async () => {
    const adapter = adapterWith()
    await adapter.setPassword('service', 'key', SECRET)
    await server.stop()
    for (const call of [adapter.getPassword('service', 'key'), adapter.setPassword('service', 'key', 'x')]) {
      const error = await storageError(call)
      expect(error.code).toBe('UNAVAILABLE')
      expect(error.message).not.toContain(SECRET)
    }
  })

  test('that is killed before it answers is UNAVAILABLE', async () => {
    server.always = { status: 0 }
    expect(await codeOf(adapterWith().getPassword('service', 'key'))).toBe('UNAVAILABLE')
  })

  test('that never answers is TIMEOUT', async () => {
    server.silent = true
    const error = await storageError(adapterWith({ timeoutMs: 200 }).getPassword('service', 'key'))
    expect(error.code).toBe('TIMEOUT')
    expect(error.message).toContain('200 ms')
  })

  test('that sends its answer in drips is TIMEOUT', async () => {
    const drips = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{')
      const timer = setInterval(() => socket.write(' '), 20)
      socket.on('close', () => clearInterval(timer))
    })
    await new Promise<void>((resolve) => drips.listen(0, '127.0.0.1', resolve))
    const { port } = drips.address() as { port: number }
    const adapter = adapterWith({ address: `http://127.0.0.1:${port}`, timeoutMs: 300 })
    expect(await codeOf(adapter.getPassword('service', 'key'))).toBe('TIMEOUT')
    drips.close()
  })

  test.each([429, 500, 502, 503])('that answers %i is asked again until it answers', async (status) => {
    const adapter = adapterWith()
    await adapter.setPassword('service', 'key', SECRET)
    server.next.push(errors(status), errors(status))
    server.requests.length = 0
    expect(await adapter.getPassword('service', 'key')).toBe(SECRET)
    expect(requests()).toHaveLength(3)
  })

  test('that goes on answering 500 is TIMEOUT at the limit, and the error names the status', async () => {
    server.always = errors(500, 'internal error')
    const error = await storageError(adapterWith({ timeoutMs: 500 }).getPassword('service', 'key'))
    expect(error.code).toBe('TIMEOUT')
    expect(error.message).toContain('500)')
    expect(server.requests.length).toBeGreaterThan(1)
  })

  test('that asks for a longer wait than the limit is TIMEOUT at once', async () => {
    server.always = { status: 429, headers: { 'retry-after': '3600' } }
    expect(await codeOf(adapterWith({ timeoutMs: 3_000_000 }).getPassword('service', 'key'))).toBe('TIMEOUT')
    expect(server.requests).toHaveLength(1)
  })

  test('that says when to come back is asked then', async () => {
    server.next.push({ status: 429, headers: { 'retry-after': '0' } })
    expect(await adapterWith().getPassword('service', 'key')).toBeNull()
    expect(server.requests.filter((request) => request.includes('sys/internal'))).toHaveLength(2)
  })

  test('that redirects is UNAVAILABLE, and the token goes nowhere else', async () => {
    const other = await new VaultServer().start()
    server.always = { status: 307, headers: { location: `${other.address}/v1/x` } }
    expect(await codeOf(adapterWith().getPassword('service', 'key'))).toBe('UNAVAILABLE')
    expect(other.requests).toEqual([])
    await other.stop()
  })

  test('that echoes what it was sent gets none of it into an error', async () => {
    const adapter = adapterWith()
    await adapter.getPassword('service', 'key')
    server.always = errors(400, SECRET, TOKEN)
    const error = await storageError(adapter.setPassword('service', 'key', SECRET))
    expect(error.code).toBe('UNAVAILABLE')
    for (const text of [error.message, error.remediation, error.stack ?? '']) {
      expect(text).not.toContain(SECRET)
      expect(text).not.toContain(TOKEN)
    }
  })

  test('that is no Vault server is UNAVAILABLE', async () => {
    server.always = { status: 200, body: 'hello' }
    expect(await codeOf(adapterWith().getPassword('service', 'key'))).toBe('UNAVAILABLE')
  })

  test('keeps no process alive once the calls are done', async () => {
    const program = `
      const { createVaultAdapter } = require('@llxprt/securestore/adapters')
      const adapter = createVaultAdapter({ cacheMs: 600_000 })
      await adapter.setPassword('service', 'key', 'value')
      process.stdout.write(await adapter.getPassword('service', 'key'))`
    expect(await runNode(program, { VAULT_ADDR: server.address, VAULT_TOKEN: TOKEN })).toBe('value')
  })

  test('with 10,000 keys is listed by one request, and each value is read once', async () => {
    for (let i = 0; i < 10_000; i += 1) server.write(`secret/llxprt/service/key-${i}`, { value: `value ${i}` })
    const adapter = adapterWith()
    const store = new SecureStore('service', { keyringLoader: async () => adapter, fallbackPolicy: 'deny' })
    expect(await adapter.findAccounts('service')).toHaveLength(10_000)
    expect(requests()).toEqual(['GET /v1/secret/metadata/llxprt/service?list=true'])
    const found = await adapter.findCredentials('service')
    expect(found).toHaveLength(10_000)
    expect(found.find(({ account }) => account === 'key-9999')?.password).toBe('value 9999')
    expect(await store.list()).toHaveLength(10_000)
  })
})
