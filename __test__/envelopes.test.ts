// The format of the encrypted files: Node's own crypto decrypts what this package writes, and the reverse (R4.5).

import { createCipheriv, createDecipheriv, createHash, randomBytes, scryptSync } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { SecureStore } from '@llxprt/securestore'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { FakeKeyring, newDirectory, noKeyring, storageError } from './support/helpers'

/** How long a test waits for work in the background: until the time limit of the test. */
const PATIENCE = { timeout: 60_000 }

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

/** Creates a store with the host and user name of the vector, and its envelope as a file. */
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

describe('R5 an invalid envelope is refused', () => {
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

/** Decrypts an envelope as the CLI's TypeScript does, with Node's own crypto. */
function decrypt(text: string, service: string, secret?: Buffer): string {
  const envelope = JSON.parse(text) as { data: string }
  const data = Buffer.from(envelope.data, 'base64')
  const machineId = createHash('sha256')
    .update(os.hostname() + os.userInfo().username)
    .digest('hex')
  const password = secret ? `${secret.toString('hex')}|${service}|${machineId}` : `${service}-${machineId}`
  const key = scryptSync(password, data.subarray(0, 16), 32, { N: 16384, r: 8, p: 1, maxmem: 2 ** 26 })
  const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(16, 28))
  decipher.setAuthTag(data.subarray(28, 44))
  return decipher.update(data.subarray(44), undefined, 'utf8') + decipher.final('utf8')
}

/** Encrypts a value as the CLI's TypeScript does. */
function encrypt(value: string, service: string, secret?: Buffer): string {
  const machineId = createHash('sha256')
    .update(os.hostname() + os.userInfo().username)
    .digest('hex')
  const password = secret ? `${secret.toString('hex')}|${service}|${machineId}` : `${service}-${machineId}`
  const [salt, nonce] = [randomBytes(16), randomBytes(12)]
  const key = scryptSync(password, salt, 32, { N: 16384, r: 8, p: 1, maxmem: 2 ** 26 })
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const ciphertext = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()])
  const crypto = { alg: 'aes-256-gcm', kdf: 'scrypt', N: 16384, r: 8, p: 1, saltLen: 16 }
  const data = Buffer.concat([salt, nonce, cipher.getAuthTag(), ciphertext]).toString('base64')
  return JSON.stringify({ v: secret ? 2 : 1, crypto, data })
}

describe('R4.5 files are interchangeable with the CLI’s own TypeScript', () => {
  const value = 'sk-ant 🔑\nsecond line'
  const secret = Buffer.alloc(32, 9)

  test.each([1, 2] as const)(
    'an envelope of version %i written here is one line that Node’s crypto opens',
    async (v) => {
      const fallbackDir = newDirectory()
      const options = {
        fallbackDir,
        keytarLoader: noKeyring,
        machineSecretLoader: async () => secret,
        envelopeVersion: v,
      }
      await new SecureStore('a service', options).set('key', value)
      const text = readFileSync(path.join(fallbackDir, 'key.enc'), 'utf8')
      expect(text).not.toContain('\n')
      expect(JSON.parse(text)).toEqual({
        v,
        crypto: { alg: 'aes-256-gcm', kdf: 'scrypt', N: 16384, r: 8, p: 1, saltLen: 16 },
        data: expect.stringMatching(/^[A-Za-z0-9+/]+={0,2}$/),
        newerThan: 'injected',
      })
      expect(decrypt(text, 'a service', v === 2 ? secret : undefined)).toBe(value)
    },
  )

  test.each([1, 2] as const)('an envelope of version %i that the CLI wrote is read here', async (v) => {
    const fallbackDir = newDirectory()
    writeFileSync(path.join(fallbackDir, 'key.enc'), encrypt(value, 'a service', v === 2 ? secret : undefined))
    const options = { fallbackDir, keytarLoader: noKeyring, machineSecretLoader: async () => secret }
    expect(await new SecureStore('a service', options).get('key')).toBe(value)
  })

  test('the machine secret is read in every text form that the CLI reads', async () => {
    const bytes = Buffer.from(Array.from({ length: 32 }, (_, n) => 255 - 3 * n))
    for (const text of [bytes.toString('base64'), bytes.toString('base64url'), `\n ${bytes.toString('base64')}\n`]) {
      const fallbackDir = newDirectory()
      writeFileSync(path.join(fallbackDir, 'key.enc'), encrypt(value, 'a service', bytes))
      const machineSecretPath = path.join(newDirectory(), 'machine_secret')
      writeFileSync(machineSecretPath, text)
      const options = { fallbackDir, keytarLoader: noKeyring, machineSecretPath }
      expect(await new SecureStore('a service', options).get('key')).toBe(value)
    }
  })

  test('a new machine secret has the form that the CLI reads', async () => {
    const fallbackDir = newDirectory()
    const machineSecretPath = path.join(newDirectory(), 'machine_secret')
    await new SecureStore('a service', { fallbackDir, keytarLoader: noKeyring, machineSecretPath }).set('key', value)
    const text = readFileSync(machineSecretPath, 'utf8')
    const created = Buffer.from(text, 'base64')
    expect(created).toHaveLength(32)
    expect(text).toBe(created.toString('base64'))
    expect(statSync(machineSecretPath).mode & 0o777).toBe(0o600)
    expect(decrypt(readFileSync(path.join(fallbackDir, 'key.enc'), 'utf8'), 'a service', created)).toBe(value)
  })
})

describe('R4.3 a file is read under other host and user names', () => {
  const options = { keytarLoader: noKeyring }
  const as = (hostname: string, username: string) => {
    vi.spyOn(os, 'hostname').mockReturnValue(hostname)
    vi.spyOn(os, 'userInfo').mockReturnValue({ ...os.userInfo(), username })
  }

  test('files of both versions are read under changing host names once they were opened', async () => {
    const fallbackDir = newDirectory()
    const machineSecretPath = path.join(newDirectory(), 'machine_secret')
    const store = (envelopeVersion?: 1 | 2) =>
      new SecureStore('svc', {
        ...options,
        fallbackDir,
        machineSecretPath,
        ...(envelopeVersion && { envelopeVersion }),
      })
    as('alpha', 'user')
    await store().set('two', 'v2')
    writeFileSync(path.join(fallbackDir, 'one.enc'), encrypt('v1', 'svc'))
    expect(await store().get('one')).toBe('v1')
    // The derived keys are cached in the background, after a promise has settled. There is no event for it.
    await vi.waitFor(async () => {
      as('nowhere', 'user')
      expect([await store().get('one'), await store().get('two')]).toEqual(['v1', 'v2'])
    }, PATIENCE)
    for (const name of ['beta', 'gamma', 'delta']) {
      as(name, 'user')
      await store().set(`of ${name}`, name)
      expect(await store().get('one')).toBe('v1')
      expect(await store().get('two')).toBe('v2')
    }
    as('omega', 'user')
    await vi.waitFor(async () => {
      expect(await store().get('of beta')).toBe('beta')
      expect(await store().get('of gamma')).toBe('gamma')
      expect(await store().get('of delta')).toBe('delta')
    }, PATIENCE)
  })

  test('runtimes that report different user names read the files of each other', async () => {
    const fallbackDir = newDirectory()
    const machineSecretPath = path.join(newDirectory(), 'machine_secret')
    const real = os.userInfo().username
    for (const envelopeVersion of [1, 2] as const) {
      for (const [writer, reader] of [
        ['unknown', real],
        [real, 'unknown'],
        [String(process.getuid?.()), real],
      ] as const) {
        as(`${envelopeVersion}${writer}${reader}`, writer)
        await new SecureStore('svc', { ...options, fallbackDir, machineSecretPath, envelopeVersion }).set(
          'key',
          'value',
        )
        rmSync(path.join(fallbackDir, '.keys'), { force: true })
        as(`${envelopeVersion}${writer}${reader}`, reader)
        expect(await new SecureStore('svc', { ...options, fallbackDir, machineSecretPath }).get('key')).toBe('value')
        await new SecureStore('svc', { ...options, fallbackDir, machineSecretPath }).delete('key')
      }
    }
  })
})

test('R4.3 a user without a name is identified by the uid', async () => {
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

  test('is written by default, and read with the secret of a file, a loader or the keyring', async () => {
    const fallbackDir = newDirectory()
    const machineSecretPath = path.join(newDirectory(), 'machine_secret')
    const options = { fallbackDir, keytarLoader: noKeyring }
    await new SecureStore('v2', { ...options, machineSecretPath }).set('key', 'value')
    expect(versionOf(fallbackDir)).toBe(2)
    const created = Buffer.from(readFileSync(machineSecretPath, 'utf8'), 'base64')

    const keyring = new FakeKeyring()
    keyring.entries.set('llxprt-code-machine-secret/default', created.toString('base64'))
    const loader = async () => created
    expect(await new SecureStore('v2', { ...options, machineSecretLoader: loader }).get('key')).toBe('value')
    const missing = path.join(newDirectory(), 'missing')
    const error = await storageError(new SecureStore('v2', { ...options, machineSecretPath: missing }).get('key'))
    expect(error.code).toBe('CORRUPT')
    expect(error.remediation).toContain(missing)
    // Last, because it moves the value to the keyring.
    expect(await new SecureStore('v2', { ...options, keytarLoader: keyring.loader }).get('key')).toBe('value')
  })

  test('is not written with envelopeVersion 1, nor when the loader returns null', async () => {
    for (const choice of [{ envelopeVersion: 1 as const }, { machineSecretLoader: async () => null }]) {
      const fallbackDir = newDirectory()
      const machineSecretPath = path.join(newDirectory(), 'machine_secret')
      await new SecureStore('v1', { fallbackDir, keytarLoader: noKeyring, machineSecretPath, ...choice }).set(
        'key',
        'v',
      )
      expect(versionOf(fallbackDir)).toBe(1)
      expect(existsSync(machineSecretPath)).toBe(false)
    }
  })

  test('is written with a Uint8Array of 16 to 64 bytes from a loader', async () => {
    for (const length of [16, 64]) {
      const options = {
        fallbackDir: newDirectory(),
        keytarLoader: noKeyring,
        machineSecretLoader: async () => new Uint8Array(length),
      }
      await new SecureStore('v2', options).set('key', 'value')
      expect(versionOf(options.fallbackDir)).toBe(2)
      expect(await new SecureStore('v2', options).get('key')).toBe('value')
    }
  })

  test('without its secret is CORRUPT, names what is missing, creates no secret, and is not replaced by version 1', async () => {
    const fallbackDir = newDirectory()
    const options = { fallbackDir, keytarLoader: noKeyring }
    await new SecureStore('v2', { ...options, machineSecretLoader: async () => secret }).set('key', 'value')
    const before = readFileSync(path.join(fallbackDir, 'key.enc'))

    const machineSecretPath = path.join(newDirectory(), 'missing')
    const store = new SecureStore('v2', { ...options, machineSecretPath, envelopeVersion: 1 })
    const error = await storageError(store.get('key'))
    expect(error.code).toBe('CORRUPT')
    expect(error.remediation).toContain('machine secret')
    expect(existsSync(machineSecretPath)).toBe(false)
    expect((await storageError(store.set('key', 'other'))).code).toBe('UNAVAILABLE')
    expect(readFileSync(path.join(fallbackDir, 'key.enc'))).toEqual(before)
    expect(await store.has('key')).toBe(true)
    expect(await store.delete('key')).toBe(true)
  })

  test('is not written with an invalid secret, nor when the loader fails or hangs', async () => {
    const loaders: Array<[() => Promise<unknown>, string]> = [
      [async () => Buffer.alloc(15), 'CORRUPT'],
      [async () => Buffer.alloc(65), 'CORRUPT'],
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
