// The command adapter with pass, gopass and scripts.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { SecureStore } from '@llxprt/securestore'
import { type CommandAdapterOptions, createCommandAdapter } from '@llxprt/securestore/adapters'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeOf, newDirectory, storageError } from '../support/helpers'
import { adapterContract } from './adapter-contract'
import { newPasswordStore, type PasswordStore } from './password-store'
import { expectContract, STORE } from './platform-contract'
import { newPrograms } from './programs'

/** The time limit of the test runner for the contract, whose calls each start programs that decrypt. */
const CONTRACT_LIMIT = 300_000

describe('pass', () => {
  let store: PasswordStore
  let options: CommandAdapterOptions
  beforeAll(() => {
    store = newPasswordStore()
    const list = 'cd "$PASSWORD_STORE_DIR/llxprt/$1" 2>/dev/null && ls | sed "s/[.]gpg$//"; exit 0'
    options = {
      get: ['pass', 'show', 'llxprt/{service}/{account}'],
      set: ['pass', 'insert', '--multiline', '--force', 'llxprt/{service}/{account}'],
      delete: ['pass', 'rm', '--force', 'llxprt/{service}/{account}'],
      list: [path.join(newPrograms({ list }), 'list'), '{service}'],
      env: store.env,
    }
  })
  afterAll(() => store.remove())

  adapterContract(() => createCommandAdapter(options))

  test('the platform contract of a store holds', { timeout: CONTRACT_LIMIT }, () =>
    expectContract(createCommandAdapter(options), STORE),
  )

  test('stores everything below its prefix', async () => {
    const adapter = createCommandAdapter(options)
    await adapter.setPassword('..', '../../x', 'value')
    expect(readdirSync(store.directory).sort()).toEqual(['.gpg-id', 'llxprt'])
    expect(readdirSync(path.join(store.directory, 'llxprt'))).toEqual(['~2E.'])
    await adapter.deletePassword('..', '../../x')
  })

  test('without a list command distinguishes an absent entry from a failure', async () => {
    const { list, ...rest } = options
    const adapter = createCommandAdapter(rest)
    expect(await adapter.getPassword('service', 'absent')).toBeNull()
    expect(await adapter.deletePassword('service', 'absent')).toBe(false)
    expect(adapter.findCredentials).toBeUndefined()
    await adapter.setPassword('service', 'key', 'value')
    const broken = createCommandAdapter({ ...rest, env: { ...store.env, GNUPGHOME: newDirectory() } })
    expect(await codeOf(broken.getPassword('service', 'key'))).toBe('UNAVAILABLE')
    await adapter.deletePassword('service', 'key')
  })

  test('is read by gopass, read-only', async () => {
    const adapter = createCommandAdapter(options)
    await adapter.setPassword('service', 'shared', 'shared value')
    const gopass = createCommandAdapter({ get: ['gopass', 'show', 'llxprt/{service}/{account}'], env: store.env })
    expect(await gopass.getPassword('service', 'shared')).toBe('shared value')
    expect(await gopass.getPassword('service', 'absent')).toBeNull()
    const written = await storageError(gopass.setPassword('service', 'shared', 'new'))
    expect([written.code, written.message]).toEqual([
      'DENIED',
      "Keyring adapter 'command gopass' is read-only: it has no set command",
    ])
    expect(await codeOf(gopass.deletePassword('service', 'shared'))).toBe('DENIED')
    const secrets = new SecureStore('service', { keyringLoader: async () => gopass, fallbackPolicy: 'deny' })
    expect(await secrets.get('shared')).toBe('shared value')
    expect(await codeOf(secrets.set('shared', 'new'))).toBe('DENIED')
  })
})

describe('a command', () => {
  const adapterFor = (script: string, options = {}) => {
    const program = path.join(newPrograms({ 'company-secret': script }), 'company-secret')
    return createCommandAdapter({ get: [program, '{service}', '{account}'], ...options })
  }

  test('gets its arguments without a shell', async () => {
    const adapter = adapterFor(`for a in "$@"; do echo "[$a]"; done`)
    expect(await adapter.getPassword('$(id)', '`id`; "x" {service}')).toBe(
      '[~24~28id~29]\n[~60id~60~3B~20~22x~22~20~7Bservice~7D]',
    )
  })

  test('runs in the root directory', async () => {
    expect(await adapterFor('pwd').getPassword('service', 'key')).toBe('/')
  })

  test('prints the secret, from which one line end is removed', async () => {
    expect(await adapterFor(`printf 'value\\n'`).getPassword('service', 'key')).toBe('value')
    expect(await adapterFor(`printf 'value\\r\\n'`).getPassword('service', 'key')).toBe('value')
    expect(await adapterFor(`printf 'value\\n\\n'`).getPassword('service', 'key')).toBe('value\n')
  })

  test('that fails does not bring its output into the error', async () => {
    const adapter = adapterFor('echo sk-very-secret-value; echo sk-very-secret-value >&2; exit 3')
    const error = await storageError(adapter.getPassword('service', 'key'))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).toBe("The get command of keyring adapter 'command company-secret' failed with exit code 3")
    expect(`${error.remediation}${error.stack}`).not.toContain('sk-very')
  })

  test('that fails because another program is missing is UNAVAILABLE', async () => {
    expect(await codeOf(adapterFor('no-such-program-here').getPassword('service', 'key'))).toBe('UNAVAILABLE')
  })

  test('that hangs is TIMEOUT', async () => {
    expect(await codeOf(adapterFor('sleep 1000', { timeoutMs: 300 }).getPassword('service', 'key'))).toBe('TIMEOUT')
  })

  test('that is ended by a signal is UNAVAILABLE', async () => {
    expect(await codeOf(adapterFor('kill -9 $$').getPassword('service', 'key'))).toBe('UNAVAILABLE')
  })

  test('that is not executable is DENIED, and one that is missing UNAVAILABLE', async () => {
    const directory = newPrograms({ program: 'true' })
    execFileSync('chmod', ['600', path.join(directory, 'program')])
    const denied = createCommandAdapter({ get: [path.join(directory, 'program')] })
    expect(await codeOf(denied.getPassword('service', 'key'))).toBe('DENIED')
    const missing = createCommandAdapter({ get: [path.join(directory, 'missing')] })
    expect(await codeOf(missing.getPassword('service', 'key'))).toBe('UNAVAILABLE')
    const relative = createCommandAdapter({ get: ['./program'] })
    expect((await storageError(relative.getPassword('service', 'key'))).message).toContain('relative path')
  })

  test('that fails with a list command means absent if the name is not listed, and UNAVAILABLE if it is', async () => {
    const list = path.join(newPrograms({ list: 'echo some/where/listed' }), 'list')
    const adapter = adapterFor('exit 1', { list: [list, '{service}'] })
    expect(await adapter.getPassword('service', 'absent')).toBeNull()
    expect(await codeOf(adapter.getPassword('service', 'listed'))).toBe('UNAVAILABLE')
  })

  test('gets the secret on its standard input only', async () => {
    const record = path.join(newDirectory(), 'record')
    const set = path.join(newPrograms({ set: `echo "$@" > ${record}; env >> ${record}; cat > ${record}.stdin` }), 'set')
    await adapterFor('true', { set: [set, '{account}'] }).setPassword('service', 'key', 'sk-very-secret-value')
    expect(readFileSync(`${record}.stdin`, 'utf8')).toBe('sk-very-secret-value')
    expect(readFileSync(record, 'utf8')).not.toContain('sk-very')
    expect(existsSync(record)).toBe(true)
  })
})

test.each([
  [{}, "'get' is missing"],
  [{ get: 'op read' }, "'get' must be an array"],
  [{ get: [] }, "'get' must be an array"],
  [{ get: ['op', 1] }, "'get' must be an array"],
  [{ get: [''] }, "'get' must be an array"],
  [{ get: ['{service}'] }, "'get' must not contain {service} or {account} in the program"],
  [{ get: ['op'], put: ['op'] }, "unknown option 'put'"],
  [{ get: ['op'], env: { A: 1 } }, "'env'"],
])('the options %j are a TypeError', (options, message) => {
  expect(() => createCommandAdapter(options as unknown as CommandAdapterOptions)).toThrow(TypeError)
  expect(() => createCommandAdapter(options as unknown as CommandAdapterOptions)).toThrow(message)
})
