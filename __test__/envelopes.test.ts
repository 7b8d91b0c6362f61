// The files are what SPEC says they are: Node's own crypto opens what is written here, and the other way round (R4.5).

import { createDecipheriv, createHash, scryptSync } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { SecureStore } from '@llxprt/securestore'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { FakeKeyring, newDirectory, noKeyring, storageError } from './support/helpers'

interface Vector {
  name: string
  service: string
  hostname: string
  username: string
  machineSecretHex?: string | null
  envelope: string
}
interface Accepted extends Vector {
  plaintext: string
}
interface Refused extends Vector {
  code: string
  why: 'version' | 'malformed' | 'decrypt'
}

const vectors = JSON.parse(readFileSync(path.join(__dirname, '../tests/data/envelopes.json'), 'utf8')) as {
  accepted: Accepted[]
  refused: Refused[]
}

/** A store on the machine of the vector, with its envelope in the directory. */
function storeOf(vector: Vector) {
  vi.spyOn(os, 'hostname').mockReturnValue(vector.hostname)
  vi.spyOn(os, 'userInfo').mockReturnValue({ ...os.userInfo(), username: vector.username })
  const fallbackDir = newDirectory()
  writeFileSync(path.join(fallbackDir, 'key.enc'), vector.envelope)
  const secret = vector.machineSecretHex ? Buffer.from(vector.machineSecretHex, 'hex') : null
  const options = { fallbackDir, keytarLoader: noKeyring, machineSecretLoader: async () => secret }
  return new SecureStore(vector.service, options)
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('R4.5 an envelope made by OpenSSL is read', () => {
  test.each(vectors.accepted)('$name', async (vector) => {
    expect(await storeOf(vector).get('key')).toBe(vector.plaintext)
    expect(await storeOf(vector).has('key')).toBe(true)
  })
})

describe('R5 an envelope that is not what it should be is refused', () => {
  test.each(vectors.refused)('$name', async (vector) => {
    const error = await storageError(storeOf(vector).get('key'))
    expect(error.code).toBe(vector.code)
    if (vector.why === 'version') {
      expect(error.message).toMatch(/^Unrecognized envelope version: /)
      expect(error.remediation).toContain('upgrade')
    } else {
      expect(error.remediation).toContain('Re-save the key or re-authenticate')
    }
    if (vector.why === 'decrypt') expect(error.remediation).toContain('another machine')
  })
})

test('R4.5 an envelope written here is one line of JSON that Node’s own crypto opens', async () => {
  const fallbackDir = newDirectory()
  const store = new SecureStore('a service', { fallbackDir, keytarLoader: noKeyring })
  const value = 'sk-ant 🔑\nsecond line'
  await store.set('key', value)
  const text = readFileSync(path.join(fallbackDir, 'key.enc'), 'utf8')
  expect(text).not.toContain('\n')
  const envelope = JSON.parse(text) as { data: string }
  expect(envelope).toEqual({
    v: 1,
    crypto: { alg: 'aes-256-gcm', kdf: 'scrypt', N: 16384, r: 8, p: 1, saltLen: 16 },
    data: expect.stringMatching(/^[A-Za-z0-9+/]+={0,2}$/),
  })
  const data = Buffer.from(envelope.data, 'base64')
  const machineId = createHash('sha256')
    .update(os.hostname() + os.userInfo().username)
    .digest('hex')
  const key = scryptSync(`a service-${machineId}`, data.subarray(0, 16), 32, { N: 16384, r: 8, p: 1, maxmem: 2 ** 26 })
  const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(16, 28))
  decipher.setAuthTag(data.subarray(28, 44))
  expect(decipher.update(data.subarray(44), undefined, 'utf8') + decipher.final('utf8')).toBe(value)
})

test('R4.3 a user without a name is known by the uid', async () => {
  const fallbackDir = newDirectory()
  const names: Array<() => string> = [
    () => {
      throw new Error('ENOENT: no such user')
    },
    () => String(process.getuid?.()),
  ]
  const stores = names.map((username) => {
    vi.spyOn(os, 'userInfo').mockImplementation(() => ({ username: username() }) as os.UserInfo<string>)
    return new SecureStore('service', { fallbackDir, keytarLoader: noKeyring })
  })
  await stores[0]?.set('key', 'value')
  expect(await stores[1]?.get('key')).toBe('value')
})

describe('R4.3 version 2', () => {
  const secret = Buffer.alloc(32, 7)
  const versionOf = (directory: string) =>
    (JSON.parse(readFileSync(path.join(directory, 'key.enc'), 'utf8')) as { v: number }).v

  test('is written where a machine secret is configured, and read with the secret wherever it is', async () => {
    const fallbackDir = newDirectory()
    const machineSecretPath = path.join(newDirectory(), 'machine_secret')
    const options = { fallbackDir, keytarLoader: noKeyring }
    const writer = new SecureStore('v2', { ...options, machineSecretPath })
    await writer.set('key', 'value')
    expect(versionOf(fallbackDir)).toBe(2)
    expect(statSync(machineSecretPath).mode & 0o777).toBe(0o600)
    const made = Buffer.from(readFileSync(machineSecretPath, 'utf8'), 'base64')
    expect(made).toHaveLength(32)

    const keyring = new FakeKeyring()
    keyring.entries.set('llxprt-code-machine-secret/default', made.toString('base64'))
    expect(await new SecureStore('v2', { ...options, machineSecretLoader: async () => made }).get('key')).toBe('value')
    expect(await new SecureStore('v2', { ...options, keytarLoader: keyring.loader }).get('key')).toBe('value')
    mkdirSync(path.join(process.env.HOME ?? '', '.llxprt'), { recursive: true })
    writeFileSync(path.join(process.env.HOME ?? '', '.llxprt', 'machine_secret'), made.toString('base64'))
    expect(await new SecureStore('v2', options).get('key')).toBe('value')
    rmSync(path.join(process.env.HOME ?? '', '.llxprt', 'machine_secret'))
  })

  test('without its secret is CORRUPT, says what is missing, makes no secret, and is never replaced by version 1', async () => {
    const fallbackDir = newDirectory()
    const options = { fallbackDir, keytarLoader: noKeyring }
    await new SecureStore('v2', { ...options, machineSecretLoader: async () => secret }).set('key', 'value')
    const before = readFileSync(path.join(fallbackDir, 'key.enc'))

    const store = new SecureStore('v2', options)
    const error = await storageError(store.get('key'))
    expect(error.code).toBe('CORRUPT')
    expect(error.remediation).toContain('machine secret')
    expect(existsSync(path.join(process.env.HOME ?? '', '.llxprt', 'machine_secret'))).toBe(false)
    expect((await storageError(store.set('key', 'other'))).code).toBe('UNAVAILABLE')
    expect(readFileSync(path.join(fallbackDir, 'key.enc'))).toEqual(before)
    expect(await store.has('key')).toBe(true)
    expect(await store.delete('key')).toBe(true)
  })

  test('does not take what is no secret, nor a loader that fails or hangs', async () => {
    const loaders: Array<[() => Promise<unknown>, string]> = [
      [async () => Buffer.alloc(31), 'CORRUPT'],
      [async () => 'text', 'CORRUPT'],
      [
        async () => {
          throw new Error('Access denied')
        },
        'DENIED',
      ],
      [() => new Promise(() => {}), 'TIMEOUT'],
    ]
    for (const [loader, code] of loaders) {
      const fallbackDir = newDirectory()
      const machineSecretLoader = loader as () => Promise<Uint8Array | null>
      const options = { fallbackDir, keytarLoader: noKeyring, machineSecretLoader, keyringTimeoutMs: 50 }
      expect((await storageError(new SecureStore('v2', options).set('key', 'value'))).code).toBe(code)
      expect(readdirSync(fallbackDir)).toEqual([])
    }
  })
})
