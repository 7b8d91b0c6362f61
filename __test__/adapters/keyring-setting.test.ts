// Stores that use the keyring of keyring.json or LLXPRT_KEYRING.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { newDirectory } from '../support/helpers'
import { runNode } from '../support/node'
import { llxprtKey } from '../support/shell'
import { newPrograms } from './programs'
import { TOKEN, VaultServer } from './vault-server'

let home: string
let dataDir: string

beforeEach(() => {
  home = newDirectory()
  dataDir = path.join(home, '.llxprt')
  mkdirSync(dataDir, { mode: 0o700 })
})

function setting(value: object | string, directory = dataDir): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = path.join(directory, 'keyring.json')
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value), { mode: 0o600 })
  return file
}

/** Runs code in a new process with that home and without the OS keyring. */
const run = (code: string, env: NodeJS.ProcessEnv = {}) => runNode(code, { HOME: home, USERPROFILE: home, ...env })

/** Prints the error of each operation of a store. */
const ALL_OPERATIONS = `
  const store = new securestore.SecureStore('service')
  const operations = {
    set: () => store.set('key', 'value'), get: () => store.get('key'), has: () => store.has('key'),
    delete: () => store.delete('key'), list: () => store.list(),
    saveKey: () => new securestore.ProviderKeyStorage().saveKey('work', 'value'),
    listKeys: () => new securestore.ProviderKeyStorage().listKeys(),
  }
  const outcomes = {}
  for (const [name, operation] of Object.entries(operations)) {
    outcomes[name] = await operation().then(() => 'resolved', ({ code, message }) => code + ' ' + message)
  }
  console.log(JSON.stringify({ outcomes, available: await store.isKeychainAvailable() }))`

/** Asserts that every operation rejects, and that nothing was written. */
async function expectRefusal(expected: RegExp, env: NodeJS.ProcessEnv = {}, code = ALL_OPERATIONS): Promise<void> {
  const { outcomes, available } = JSON.parse(await run(code, env))
  for (const [operation, outcome] of Object.entries(outcomes)) expect(outcome, operation).toMatch(expected)
  expect(available).toBe(false)
  expect(existsSync(path.join(dataDir, 'secure-store'))).toBe(false)
  expect(existsSync(path.join(dataDir, 'provider-keys'))).toBe(false)
}

describe('a Vault server in keyring.json', () => {
  let server: VaultServer
  beforeEach(async () => {
    server = await new VaultServer().start()
  })
  afterEach(() => server.stop())

  test('holds the provider keys, also for llxprt-key', async () => {
    setting({ keyring: 'vault', address: server.address })
    const env = { HOME: home, VAULT_TOKEN: TOKEN }
    await run("await securestore.getProviderKeyStorage().saveKey('work', 'sk-vault')", env)
    expect([...server.secrets.keys()]).toEqual(['secret/llxprt/llxprt-code-provider-keys/work'])
    expect((await llxprtKey(['get', 'work'], env)).stdout).toBe('sk-vault\n')
    expect(existsSync(path.join(dataDir, 'provider-keys', 'work.enc'))).toBe(false)
  })

  test('is not used by a store with its own loader', async () => {
    setting('broken')
    const code = `
      const store = new securestore.SecureStore('service', { keyringLoader: async () => null })
      await store.set('key', 'value')
      process.stdout.write(await store.get('key'))`
    expect(await run(code)).toBe('value')
  })

  test('that fails with UNAVAILABLE makes a store use encrypted files', async () => {
    setting({ keyring: 'vault', address: server.address })
    await server.stop()
    const code = `
      const store = new securestore.SecureStore('service')
      await store.set('key', 'value')
      process.stdout.write(await store.get('key'))`
    expect(await run(code, { VAULT_TOKEN: TOKEN })).toBe('value')
    expect(readdirSync(path.join(dataDir, 'secure-store', 'service'))).toContain('key.enc')
    server = await new VaultServer().start()
  })
})

test('files in keyring.json, and in LLXPRT_KEYRING, mean encrypted files only', async () => {
  const code = `
    const store = new securestore.SecureStore('service')
    await store.set('key', 'value')
    console.log(await store.get('key'), await store.isKeychainAvailable())`
  expect(await run(code, { LLXPRT_KEYRING: 'files', LLXPRT_DISABLE_OS_KEYRING: '' })).toBe('value false\n')
  setting({ keyring: 'files' })
  expect(await run(code, { LLXPRT_DISABLE_OS_KEYRING: '' })).toBe('value false\n')
})

describe('a wrong setting', () => {
  test.each([
    ['not JSON', /^CORRUPT .*keyring\.json is not JSON$/],
    ['{"keyring":"valt"}', /^CORRUPT .*keyring\.json: field 'keyring' must be one of/],
    ['{"keyring":"vault","address":"https://v","mount":"/../"}', /^CORRUPT .*field 'mount'/],
  ])('%s is the error of every operation, and nothing is written', async (text, expected) => {
    setting(text)
    await expectRefusal(expected)
  })

  test('in LLXPRT_KEYRING is the error of every operation', async () => {
    await expectRefusal(/^UNAVAILABLE LLXPRT_KEYRING must be 'os' or 'files'$/, { LLXPRT_KEYRING: 'command' })
  })
})

describe('the .env file of a hostile project', () => {
  let project: string
  beforeEach(() => {
    project = newDirectory()
    mkdirSync(path.join(project, '.git'))
  })

  test('cannot select a program, a server or a keyring.json of the project', async () => {
    const trap = await new VaultServer().start()
    const evil = path.join(newPrograms({ evil: `touch ${project}/pwned` }), 'evil')
    const data = path.join(project, 'data')
    setting({ keyring: 'command', get: [evil], set: [evil], delete: [evil], list: [evil] }, data)
    const inProject = `process.chdir(${JSON.stringify(project)});${ALL_OPERATIONS}`
    for (const env of [
      { LLXPRT_KEYRING: `command ${evil}` },
      { LLXPRT_DATA_HOME: data },
      { LLXPRT_CONFIG_HOME: '/proc/self/cwd/data' },
    ]) {
      const hostile = { ...env, VAULT_ADDR: trap.address, VAULT_TOKEN: TOKEN }
      await expectRefusal(/^UNAVAILABLE (LLXPRT_KEYRING must be|.*points into the project)/, hostile, inProject)
    }
    expect(trap.requests).toEqual([])
    expect(existsSync(path.join(project, 'pwned'))).toBe(false)
    await trap.stop()
  })

  test('that moves keys into the project is reported by one notice and by doctor', async () => {
    const env = { HOME: home, LLXPRT_DATA_HOME: path.join(project, 'data') }
    const code = `
      process.chdir(${JSON.stringify(project)})
      const notices = []
      securestore.setLogSink((event) => { if (event.event === 'notice') notices.push(event.message) })
      for (const key of ['a', 'b']) await new securestore.SecureStore('service').set(key, 'value')
      const report = await securestore.doctor()
      securestore.setLogSink(null)
      console.log(JSON.stringify({ notices, problems: report.problems.map(({ message }) => message) }))`
    const { notices, problems } = JSON.parse(await run(code, env))
    const about = notices.filter((message: string) => message.includes('LLXPRT_DATA_HOME points into the project'))
    expect(about).toHaveLength(1)
    expect(problems.join('\n')).toContain('LLXPRT_DATA_HOME points into the project')
  })
})

test('doctor shows which keyring is used, what chose it, and whether it works', async () => {
  const server = await new VaultServer().start()
  const file = setting({ keyring: 'vault', address: server.address })
  const report = async () =>
    JSON.parse(await run('console.log(JSON.stringify(await securestore.doctor()))', { VAULT_TOKEN: TOKEN }))
  const good = await report()
  expect(good.keyring).toMatchObject({ backend: `Vault at ${new URL(server.address).host}`, works: true })
  expect(good.keyring.chosenBy).toBe(file)
  const { stdout } = await llxprtKey(['doctor'], { HOME: home, VAULT_TOKEN: TOKEN })
  expect(stdout).toMatch(/^Keyring: Vault at [\d.:]+, answers in [\d.]+ ms \(chosen by .*keyring\.json\)\n/)
  await server.stop()
  const bad = await report()
  expect(bad.keyring).toMatchObject({ works: false, code: 'UNAVAILABLE' })
  setting('{}')
  const wrong = await report()
  expect(wrong.keyring).toMatchObject({ works: false, code: 'CORRUPT' })
  expect(wrong.problems.map(({ message }: { message: string }) => message).join()).toContain(file)
})
