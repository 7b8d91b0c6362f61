// The adapter for docker credential helpers, with real helpers and with scripts that fail.

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { createDockerCredentialAdapter } from '@llxprt/securestore/adapters'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { codeOf, storageError } from '../support/helpers'
import { adapterContract } from './adapter-contract'
import { newPasswordStore, type PasswordStore } from './password-store'
import { EVERYTHING, expectContract, STORE } from './platform-contract'
import { newPrograms, withPath } from './programs'

/** The time limit of the test runner for the contract, whose calls each start programs that decrypt. */
const CONTRACT_LIMIT = 300_000

describe('docker-credential-pass', () => {
  let store: PasswordStore
  beforeAll(() => {
    store = newPasswordStore()
  })
  afterAll(() => store.remove())

  adapterContract(() => createDockerCredentialAdapter('pass', { env: store.env }))

  test('the platform contract of a store holds', { timeout: CONTRACT_LIMIT }, () =>
    expectContract(createDockerCredentialAdapter('pass', { env: store.env }), STORE),
  )

  test('stores everything below its own folder', async () => {
    const adapter = createDockerCredentialAdapter('pass', { env: store.env })
    await adapter.setPassword('..', '../../x', 'value')
    expect(readdirSync(store.directory).sort()).toEqual(['.gpg-id', 'docker-credential-helpers'])
    await adapter.deletePassword('..', '../../x')
  })

  test('that is not initialised rejects a write with UNAVAILABLE', async () => {
    const env = { ...store.env, PASSWORD_STORE_DIR: path.join(store.directory, 'nowhere') }
    const adapter = createDockerCredentialAdapter('pass', { env })
    expect(await codeOf(adapter.setPassword('service', 'key', 'value'))).toBe('UNAVAILABLE')
  })
})

describe('docker-credential-secretservice', () => {
  const newAdapter = () =>
    createDockerCredentialAdapter('secretservice', {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, DBUS_SESSION_BUS_ADDRESS: inject('keyringAddress') },
    })
  adapterContract(newAdapter)

  test('the platform contract holds', { timeout: CONTRACT_LIMIT }, () => expectContract(newAdapter(), EVERYTHING))
})

describe('a helper', () => {
  const adapterFor = (script: string, options = {}) => {
    const env = withPath(newPrograms({ 'docker-credential-test': script }))
    return createDockerCredentialAdapter('test', { env, ...options })
  }

  test('that is missing is UNAVAILABLE, and the error names it', async () => {
    const error = await storageError(createDockerCredentialAdapter('missing').getPassword('service', 'key'))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).toBe('docker-credential-missing is not on the PATH')
  })

  test('in the current directory or a relative part of the PATH is not run', async () => {
    const directory = newPrograms({ 'docker-credential-test': 'echo "{}"' })
    const before = process.cwd()
    process.chdir(directory)
    try {
      for (const PATH of ['', '.', './', path.delimiter]) {
        const adapter = createDockerCredentialAdapter('test', { env: { PATH } })
        expect(await codeOf(adapter.findAccounts?.('service') ?? Promise.resolve())).toBe('UNAVAILABLE')
      }
    } finally {
      process.chdir(before)
    }
  })

  test('that hangs is TIMEOUT, and it and its children are killed', async () => {
    const file = path.join(process.env.HOME ?? '', `pid-${process.pid}`)
    const adapter = adapterFor(`sleep 1000 & echo $! > ${file}; wait`, { timeoutMs: 500 })
    expect(await codeOf(adapter.getPassword('service', 'key'))).toBe('TIMEOUT')
    const pid = readFileSync(file, 'utf8').trim()
    // A killed process stays a zombie until another process reaps it.
    await expect.poll(() => stateOf(pid), { timeout: 30_000 }).toMatch(/^(gone|Z|X)$/)
  })

  test('that prints without end is UNAVAILABLE', async () => {
    const error = await storageError(adapterFor('yes sk-very-secret-value').getPassword('service', 'key'))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).toContain('bytes')
    expect(error.message).not.toContain('sk-very')
  })

  test.each([
    ['{"Secret": 1}', 'CORRUPT'],
    ['not JSON sk-very-secret-value', 'CORRUPT'],
    ['null', 'CORRUPT'],
  ])('that prints %j is %s, and the error does not quote it', async (output, code) => {
    const error = await storageError(adapterFor(`echo '${output}'`).getPassword('service', 'key'))
    expect(error.code).toBe(code)
    expect(`${error.message}${error.stack}`).not.toContain('sk-very')
  })

  test('that prints bytes that are no UTF-8 is CORRUPT', async () => {
    const adapter = adapterFor(`printf '{"Username":"u","Secret":"\\377"}'`)
    expect(await codeOf(adapter.getPassword('service', 'key'))).toBe('CORRUPT')
  })

  test.each([
    ['permission denied', 'DENIED'],
    ['The operation was cancelled', 'DENIED'],
    ['the collection is locked', 'LOCKED'],
    ['gpg: public key decryption failed: No pinentry', 'LOCKED'],
    ['something else', 'UNAVAILABLE'],
  ])('that fails with "%s" is %s', async (words, code) => {
    expect(await codeOf(adapterFor(`echo '${words}'; exit 1`).getPassword('service', 'key'))).toBe(code)
  })

  test('gets the secret on standard input, and not in arguments or environment variables', async () => {
    const directory = newPrograms({})
    const record = path.join(directory, 'record')
    const adapter = adapterFor(`echo "$@" > ${record}; env >> ${record}; cat > ${record}.stdin`)
    await adapter.setPassword('service', 'key', 'sk-very-secret-value')
    expect(readFileSync(record, 'utf8')).toMatch(/^store\n/)
    expect(readFileSync(record, 'utf8')).not.toContain('sk-very')
    expect(JSON.parse(readFileSync(`${record}.stdin`, 'utf8'))).toEqual({
      ServerURL: 'https://securestore.llxprt.invalid/service/key',
      Username: 'key',
      Secret: 'sk-very-secret-value',
    })
  })

  test('that ends without reading its input succeeds or fails by its exit code', async () => {
    await adapterFor('exit 0').setPassword('service', 'key', 'x'.repeat(2 ** 20))
    expect(await codeOf(adapterFor('exit 3').setPassword('service', 'key', 'x'.repeat(2 ** 20)))).toBe('UNAVAILABLE')
  })

  test('runs at most four times at once', async () => {
    const directory = newPrograms({})
    const adapter = adapterFor(
      `mkdir ${directory}/$$; ls ${directory} | wc -l >> ${directory}.count; printf '{"Username":"","Secret":""}'; rmdir ${directory}/$$`,
    )
    await Promise.all(Array.from({ length: 30 }, (_, i) => adapter.getPassword('service', `key ${i}`)))
    const counts = readFileSync(`${directory}.count`, 'utf8').trim().split('\n').map(Number)
    expect(counts).toHaveLength(30)
    expect(Math.max(...counts)).toBeLessThanOrEqual(4)
  })
})

test.each(['', '../x', 'a/b', '-x', 'a b', 7])('the name %j is a TypeError', (name) => {
  expect(() => createDockerCredentialAdapter(name as string)).toThrow(TypeError)
})

function stateOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? 'gone'
  } catch {
    return 'gone'
  }
}
