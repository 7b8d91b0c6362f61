// `docker-credential-llxprt` compared with `docker-credential-secretservice` of golang-docker-credential-helpers: both get the
// same requests, and must give the same answers and exit codes.

import { execFileSync, spawnSync } from 'node:child_process'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { PrivateKeyring } from './support/keyring'
import { ROOT } from './support/node'

const OURS = [process.execPath, path.join(ROOT, 'bin/docker-credential-llxprt.js')]
const REFERENCE = ['docker-credential-secretservice']

let keyring: PrivateKeyring
let env: NodeJS.ProcessEnv
beforeAll(async () => {
  keyring = await PrivateKeyring.start()
})
beforeEach(() => {
  env = { ...process.env, ...keyring.environment(), HOME: newDirectory(), LLXPRT_DISABLE_OS_KEYRING: '' }
})
afterAll(() => keyring.stop())

function call([program = '', ...first]: string[], args: string[], input: string) {
  const { status, stdout, stderr } = spawnSync(program, [...first, ...args], { env, input, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** Sends the same request to both helpers and returns the answer that both gave. */
function both(args: string[], input = '') {
  const ours = call(OURS, args, input)
  expect(ours).toEqual(call(REFERENCE, args, input))
  return ours
}

const HUB = 'https://index.docker.io/v1/'
const LOGIN = { ServerURL: HUB, Username: 'alice', Secret: 'a "secret"\nwith 🔑' }
const ok = (stdout = '') => ({ status: 0, stdout, stderr: '' })
const refused = (message: string) => ({ status: 1, stdout: `${message}\n`, stderr: '' })

describe('R7 docker-credential-llxprt answers as the helper of docker', () => {
  test('for a login that is stored, read, listed and erased', () => {
    expect(both(['get'], `${HUB}\n`)).toEqual(refused('credentials not found in native keychain'))
    expect(both(['store'], JSON.stringify(LOGIN))).toEqual(ok())
    expect(JSON.parse(both(['get'], HUB).stdout)).toEqual(LOGIN)
    expect(both(['store'], JSON.stringify({ ...LOGIN, Secret: 'newer' }))).toEqual(ok())
    expect(JSON.parse(both(['get'], `${HUB}\n`).stdout)).toMatchObject({ Secret: 'newer' })
    const other = { ServerURL: 'registry.example.com:5000', Username: 'bob', Secret: 's' }
    expect(both(['store'], JSON.stringify(other))).toEqual(ok())
    expect(JSON.parse(both(['list']).stdout)).toEqual({ [HUB]: 'alice', 'registry.example.com:5000': 'bob' })
    for (const url of [HUB, 'registry.example.com:5000']) expect(both(['erase'], `${url}\n`)).toEqual(ok())
    expect(both(['get'], HUB)).toEqual(refused('credentials not found in native keychain'))
    expect(both(['list'])).toEqual(ok('{}\n'))
  })

  test.each([
    ['get', '\n', 'no credentials server URL'],
    ['erase', '', 'no credentials server URL'],
    ['store', '{}', 'no credentials server URL'],
    ['store', '{"ServerURL":"https://a"}', 'no credentials username'],
    ['store', '{"ServerURL":"https://a","Username":"","Secret":"s"}', 'no credentials username'],
    ['frobnicate', '', 'Unknown credential action `frobnicate`'],
  ])('for the wrong request %s %j', (action, input, message) => {
    expect(both([action], input)).toEqual(refused(message))
  })

  test('for the erasure of a login that does not exist', () => {
    expect(both(['erase'], 'https://none.example')).toEqual(ok())
  })
})

describe('R7 docker-credential-llxprt', () => {
  test('keeps a login in the keyring, in a service of its own', () => {
    expect(call(OURS, ['store'], JSON.stringify(LOGIN))).toEqual(ok())
    const attributes = ['service', 'llxprt-docker-credentials', 'username', encodeURIComponent(HUB)]
    const stored = execFileSync('secret-tool', ['lookup', ...attributes], { env, encoding: 'utf8' })
    expect(JSON.parse(stored)).toEqual(LOGIN)
    expect(call(OURS, ['erase'], HUB)).toEqual(ok())
  })

  test('keeps logins in encrypted files where there is no keyring', () => {
    env.LLXPRT_DISABLE_OS_KEYRING = '1'
    expect(call(OURS, ['store'], JSON.stringify(LOGIN))).toEqual(ok())
    expect(JSON.parse(call(OURS, ['get'], HUB).stdout)).toEqual(LOGIN)
    expect(call(OURS, ['list'], '')).toEqual(ok(`{"${HUB}":"alice"}\n`))
  })

  test('refuses what is not a login, without repeating it', () => {
    for (const input of ['hunter2', 'null', '{"ServerURL":7}', '["hunter2"]']) {
      const { status, stdout } = call(OURS, ['store'], input)
      expect(status).toBe(1)
      expect(stdout).not.toContain('hunter2')
    }
  })

  test('reports a locked keyring instead of a list without its logins', async () => {
    const locked = await PrivateKeyring.start()
    try {
      env = { ...env, ...locked.environment(), HOME: newDirectory() }
      expect(call(OURS, ['store'], JSON.stringify(LOGIN))).toEqual(ok())
      locked.lock()
      const { status, stdout } = call(OURS, ['list'], '')
      expect([status, stdout]).toEqual([1, expect.stringContaining('locked')])
      // An answer that there is no login would be wrong.
      expect(call(OURS, ['get'], HUB)).toEqual({ status: 1, stdout, stderr: '' })
    } finally {
      locked.stop()
    }
  })

  test('prints its usage and its version', () => {
    expect(call(OURS, [], '')).toEqual(refused('Usage: docker-credential-llxprt <store|get|erase|list|version>'))
    expect(call(OURS, ['get', 'more'], '').status).toBe(1)
    expect(call(OURS, ['version'], '').stdout).toMatch(/^\d+\.\d+\.\d+/)
  })
})
