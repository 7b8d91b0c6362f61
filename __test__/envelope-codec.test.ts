// The envelope functions, for programs that keep their own encrypted files.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  configure,
  decryptEnvelopeString,
  EnvelopeCodecError,
  encryptEnvelopeString,
  isValidEnvelope,
  readEnvelopeVersion,
  SecureStore,
  SecureStoreError,
} from '@llxprt/securestore'
import { afterEach, describe, expect, test } from 'vitest'
import { newDirectory, noKeyring } from './support/helpers'

const SERVICE = 'my-service'
const withSecret = (byte = 7, length = 32) => ({ machineSecretLoader: async () => Buffer.alloc(length, byte) })
const withoutSecret = { machineSecretLoader: async () => null }

afterEach(() => configure({ dataDir: null }))

/** Returns the `EnvelopeCodecError` that a call rejects with. */
async function codecError(call: Promise<unknown>): Promise<EnvelopeCodecError> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(EnvelopeCodecError)
  expect(error).not.toBeInstanceOf(SecureStoreError)
  return error as EnvelopeCodecError
}

describe('R4.5 encryptEnvelopeString', () => {
  test.each(['', 'text', 'äöü 😀\n"quotes"', 'x'.repeat(100_000)])(
    'returns an envelope that decryptEnvelopeString decrypts: %#',
    async (text) => {
      for (const options of [withSecret(), withoutSecret]) {
        expect(await decryptEnvelopeString(await encryptEnvelopeString(text, SERVICE, options), SERVICE, options)).toBe(
          text,
        )
      }
    },
  )

  test('writes version 2 with a machine secret and version 1 without, in the layout of the files', async () => {
    for (const [options, v] of [
      [withSecret(), 2],
      [withSecret(1, 16), 2],
      [withSecret(1, 64), 2],
      [withoutSecret, 1],
    ] as const) {
      const json = await encryptEnvelopeString('text', SERVICE, options)
      const { data, ...rest } = JSON.parse(json)
      expect(Object.keys(JSON.parse(json))).toEqual(['v', 'crypto', 'data'])
      expect(rest).toEqual({ v, crypto: { alg: 'aes-256-gcm', kdf: 'scrypt', N: 16384, r: 8, p: 1, saltLen: 16 } })
      expect(Buffer.from(data, 'base64')).toHaveLength(16 + 12 + 16 + 'text'.length)
      expect(readEnvelopeVersion(json)).toBe(v)
    }
  })

  test('uses a fresh salt and nonce each time', async () => {
    const [one, two] = await Promise.all([1, 2].map(() => encryptEnvelopeString('text', SERVICE, withSecret())))
    const bytes = (json: string | undefined) => Buffer.from(JSON.parse(json ?? '').data, 'base64').subarray(0, 28)
    expect(bytes(one).equals(bytes(two))).toBe(false)
  })

  test('returns the content of a file that a store reads, as a store writes it', async () => {
    const fallbackDir = newDirectory()
    const options = withSecret()
    const store = new SecureStore(SERVICE, { fallbackDir, keyringLoader: noKeyring, ...options })
    writeFileSync(path.join(fallbackDir, 'ours.enc'), await encryptEnvelopeString('from the codec', SERVICE, options))
    expect(await store.get('ours')).toBe('from the codec')
    await store.set('theirs', 'from the store')
    const file = readFileSync(path.join(fallbackDir, 'theirs.enc'), 'utf8')
    expect(await decryptEnvelopeString(file, SERVICE, options)).toBe('from the store')
  })

  test('refuses to replace an envelope of version 2 by one of version 1', async () => {
    const refused = await codecError(
      encryptEnvelopeString('text', SERVICE, { ...withoutSecret, existingEnvelopeVersion: 2 }),
    )
    expect(refused).toMatchObject({
      name: 'EnvelopeCodecError',
      code: 'UNAVAILABLE',
      message:
        'Refusing to overwrite an existing v:2 envelope with a weaker v:1 envelope while the machine secret is unavailable',
      remediation: 'Restore the machine secret and re-save the value, or remove the existing file if intentional.',
    })
    for (const existingEnvelopeVersion of [1, null, undefined]) {
      const json = await encryptEnvelopeString('text', SERVICE, { ...withoutSecret, existingEnvelopeVersion })
      expect(readEnvelopeVersion(json)).toBe(1)
    }
    const json = await encryptEnvelopeString('text', SERVICE, { ...withSecret(), existingEnvelopeVersion: 2 })
    expect(readEnvelopeVersion(json)).toBe(2)
  })

  test('without options creates a machine secret in the data directory', async () => {
    const dataDir = newDirectory()
    configure({ dataDir })
    const json = await encryptEnvelopeString('text', SERVICE)
    expect(readEnvelopeVersion(json)).toBe(2)
    const secret = Buffer.from(readFileSync(path.join(dataDir, 'machine_secret'), 'utf8'), 'base64')
    expect(secret).toHaveLength(32)
    expect(await decryptEnvelopeString(json, SERVICE, { machineSecretLoader: async () => secret })).toBe('text')
    expect(await decryptEnvelopeString(json, SERVICE)).toBe('text')
    const machineSecretPath = path.join(newDirectory(), 'secret')
    writeFileSync(machineSecretPath, secret.toString('base64'), { mode: 0o600 })
    configure({ dataDir: newDirectory() })
    expect(await decryptEnvelopeString(json, SERVICE, { machineSecretPath })).toBe('text')
    expect((await codecError(decryptEnvelopeString(json, SERVICE))).code).toBe('CORRUPT')
  })
})

describe('R5 decryptEnvelopeString', () => {
  const RE_SAVE = 'Re-save the value or re-authenticate.'

  test('rejects text that is not an envelope with CORRUPT', async () => {
    const good = JSON.parse(await encryptEnvelopeString('text', SERVICE, withoutSecret))
    for (const bad of [
      '',
      'text',
      'null',
      '[]',
      '{}',
      JSON.stringify({ ...good, v: 3 }),
      JSON.stringify({ ...good, crypto: { ...good.crypto, N: 1024 } }),
      JSON.stringify({ ...good, data: 7 }),
    ]) {
      expect(await codecError(decryptEnvelopeString(bad, SERVICE, withoutSecret))).toMatchObject({
        code: 'CORRUPT',
        message: 'Envelope is not valid JSON or is malformed/uses unsupported parameters',
        remediation: RE_SAVE,
      })
    }
    expect(await codecError(decryptEnvelopeString(JSON.stringify({ ...good, data: 'AAAA' }), SERVICE))).toMatchObject({
      code: 'CORRUPT',
      message: 'Envelope payload is too short to contain a valid header',
      remediation: `${RE_SAVE} The file may be truncated or corrupted.`,
    })
  })

  test('rejects a wrong service, a wrong secret, altered bytes and a missing secret with CORRUPT', async () => {
    const json = await encryptEnvelopeString('text', SERVICE, withSecret())
    const envelope = JSON.parse(json)
    const data = Buffer.from(envelope.data, 'base64')
    data[data.length - 1] = (data.at(-1) ?? 0) ^ 1
    const altered = JSON.stringify({ ...envelope, data: data.toString('base64') })
    for (const call of [
      () => decryptEnvelopeString(json, 'another', withSecret()),
      () => decryptEnvelopeString(json, SERVICE, withSecret(8)),
      () => decryptEnvelopeString(altered, SERVICE, withSecret()),
    ]) {
      expect(await codecError(call())).toMatchObject({
        code: 'CORRUPT',
        message: 'Failed to decrypt envelope (authentication failure)',
        remediation: `${RE_SAVE} The file may have been created on a different machine or with a different machine secret.`,
      })
    }
    expect(await codecError(decryptEnvelopeString(json, SERVICE, withoutSecret))).toMatchObject({
      code: 'CORRUPT',
      message: 'v:2 envelope requires a machine secret that is unavailable',
      remediation: `${RE_SAVE} The machine secret may have changed or been removed.`,
    })
  })

  test('never creates a machine secret', async () => {
    const dataDir = newDirectory()
    mkdirSync(dataDir, { recursive: true })
    configure({ dataDir })
    const json = await encryptEnvelopeString('text', SERVICE, withSecret())
    await codecError(decryptEnvelopeString(json, SERVICE))
    expect(() => readFileSync(path.join(dataDir, 'machine_secret'))).toThrow()
  })

  test('calls the loader only for version 2, and rejects with what it throws', async () => {
    const error = new Error('mine')
    const machineSecretLoader = () => Promise.reject(error)
    const [one, two] = [withoutSecret, withSecret()].map((options) => encryptEnvelopeString('text', SERVICE, options))
    expect(await decryptEnvelopeString((await one) ?? '', SERVICE, { machineSecretLoader })).toBe('text')
    await expect(decryptEnvelopeString((await two) ?? '', SERVICE, { machineSecretLoader })).rejects.toBe(error)
    await expect(encryptEnvelopeString('text', SERVICE, { machineSecretLoader })).rejects.toBe(error)
  })

  test('rejects arguments of a wrong type with a TypeError', async () => {
    const calls: Array<() => Promise<unknown>> = [
      () => encryptEnvelopeString(7 as never, SERVICE, withoutSecret),
      () => encryptEnvelopeString('text', '' as never, withoutSecret),
      () => encryptEnvelopeString('text', SERVICE, { machineSecretLoader: 7 as never }),
      () => encryptEnvelopeString('text', SERVICE, { machineSecretLoader: async () => 'secret' as never }),
      () => decryptEnvelopeString(7 as never, SERVICE),
    ]
    for (const call of calls) await expect(call()).rejects.toBeInstanceOf(TypeError)
    const message = 'options must be an object, not null'
    await expect(encryptEnvelopeString('text', SERVICE, null as never)).rejects.toThrow(message)
    await expect(decryptEnvelopeString('{}', SERVICE, null as never)).rejects.toThrow(message)
  })
})

describe('R5 readEnvelopeVersion and isValidEnvelope', () => {
  test('check the fields of the envelope and not its payload', async () => {
    const envelope = JSON.parse(await encryptEnvelopeString('text', SERVICE, withSecret()))
    const valid: unknown[] = [envelope, { ...envelope, v: 1 }, { ...envelope, data: '' }, { ...envelope, more: true }]
    const invalid: unknown[] = [
      null,
      undefined,
      7,
      'text',
      [],
      {},
      { ...envelope, v: 3 },
      { ...envelope, v: '2' },
      { ...envelope, data: undefined },
      { ...envelope, crypto: undefined },
      { ...envelope, crypto: { ...envelope.crypto, r: 16 } },
      () => envelope,
    ]
    for (const value of valid) {
      expect(isValidEnvelope(value)).toBe(true)
      expect(readEnvelopeVersion(JSON.stringify(value))).toBe((value as { v: number }).v)
    }
    for (const value of invalid) {
      expect(isValidEnvelope(value), String(value)).toBe(false)
      expect(readEnvelopeVersion(String(JSON.stringify(value)))).toBeNull()
    }
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    expect(isValidEnvelope(cyclic)).toBe(false)
    expect(readEnvelopeVersion('')).toBeNull()
    expect(readEnvelopeVersion('{"v":2')).toBeNull()
  })
})
