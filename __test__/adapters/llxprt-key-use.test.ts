// `llxprt-key use`: shows and chooses the keyring.

import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { newDirectory } from '../support/helpers'
import { done, failed, inFiles, llxprtKey } from '../support/shell'
import { newPrograms, withPath } from './programs'
import { TOKEN, VaultServer } from './vault-server'

const fileOf = (home: string) => path.join(home, '.llxprt', 'keyring.json')
const settingOf = (home: string) => JSON.parse(readFileSync(fileOf(home), 'utf8'))
const chosen = (what: string, home: string) => `Keyring: ${what} (chosen by ${fileOf(home)})\n`

describe('llxprt-key use', () => {
  test('shows the default, and what was chosen', async () => {
    const env = inFiles()
    expect(await llxprtKey(['use'], env)).toEqual(done('Keyring: the keyring of the operating system (the default)\n'))
    expect(await llxprtKey(['use', 'files'], env)).toEqual(done(chosen('encrypted files', env.HOME)))
    expect(await llxprtKey(['use'], env)).toEqual(done(chosen('encrypted files', env.HOME)))
    expect(await llxprtKey(['use'], { ...env, LLXPRT_KEYRING: 'os' })).toEqual(
      done('Keyring: the keyring of the operating system (chosen by LLXPRT_KEYRING)\n'),
    )
    expect(statSync(fileOf(env.HOME)).mode & 0o777).toBe(0o600)
    expect(statSync(path.dirname(fileOf(env.HOME))).mode & 0o777).toBe(0o700)
  })

  test('vault records the address, and no token', async () => {
    const server = await new VaultServer().start()
    const { address } = server
    const env = { ...inFiles(), VAULT_ADDR: address, VAULT_TOKEN: TOKEN }
    const { host } = new URL(address)
    expect(await llxprtKey(['use', 'vault', '--mount', 'secret'], env)).toEqual(
      done(chosen(`Vault at ${host}`, env.HOME)),
    )
    expect(settingOf(env.HOME)).toEqual({ keyring: 'vault', address, mount: 'secret' })
    await server.stop()
    const other = await llxprtKey(['use', 'vault', '--address', address], env)
    expect(other.code).toBe(0)
    expect(other.stderr).toContain('does not answer yet')
    expect(other.stderr).toContain('UNAVAILABLE')
    expect(await llxprtKey(['use', 'vault'], inFiles())).toEqual(failed('Missing --address.', 2))
    expect(await llxprtKey(['use', 'vault', '--address', 'vault'], env)).toEqual(failed('must be a URL'))
    expect(settingOf(env.HOME).address).toBe(address)
  })

  test('docker records the directories that a project could set', async () => {
    const env = { ...inFiles(), PASSWORD_STORE_DIR: '/store' }
    const programs = newPrograms({ 'docker-credential-test': 'echo "{}"; exit 1' })
    const { code, stdout, stderr } = await llxprtKey(['use', 'docker', 'test'], { ...withPath(programs), ...env })
    expect([code, stdout]).toEqual([0, chosen('docker-credential-test', env.HOME)])
    expect(stderr).toContain('docker-credential-test get failed with exit code 1')
    expect(settingOf(env.HOME)).toMatchObject({ keyring: 'docker', helper: 'test' })
    expect(settingOf(env.HOME).environment.PASSWORD_STORE_DIR).toBe('/store')
    expect(await llxprtKey(['use', 'docker', '../x'], env)).toEqual(failed('the name must be'))
    expect(await llxprtKey(['use', 'docker'], env)).toEqual(failed('Missing argument <name>.', 2))
  })

  test('command takes the commands of a file', async () => {
    const env = inFiles()
    const file = path.join(newDirectory(), 'commands.json')
    const program = path.join(newPrograms({ get: 'exit 1' }), 'get')
    writeFileSync(file, JSON.stringify({ get: [program, '{account}'], list: ['/bin/true'] }))
    expect(await llxprtKey(['use', 'command', file], env)).toEqual(done(chosen('command get', env.HOME)))
    expect(settingOf(env.HOME)).toMatchObject({ keyring: 'command', get: [program, '{account}'] })
    for (const [text, message] of [
      ['{', 'is not JSON.'],
      ['[]', 'does not contain a JSON object.'],
      ['{}', "field 'get' is missing"],
      ['{"get":["x"],"put":["y"]}', "unknown field 'put'"],
    ] as const) {
      writeFileSync(file, text)
      expect(await llxprtKey(['use', 'command', file], env)).toEqual(failed(message))
    }
    expect(await llxprtKey(['use', 'command', `${file}.missing`], env)).toEqual(failed('Cannot read'))
    expect(settingOf(env.HOME).get).toEqual([program, '{account}'])
  })

  test('refuses unknown keyrings and options of another keyring', async () => {
    const env = inFiles()
    expect(await llxprtKey(['use', 'vualt'], env)).toEqual(failed("Unknown keyring 'vualt'. Did you mean 'vault'?", 2))
    expect(await llxprtKey(['use', 'os', 'x'], env)).toEqual(failed('Too many arguments.', 2))
    expect(await llxprtKey(['use', 'os', '--mount', 'x'], env)).toEqual(failed("--mount is for 'use vault'.", 2))
  })

  test('reports a wrong file, and replaces it', async () => {
    const env = inFiles()
    mkdirSync(path.dirname(fileOf(env.HOME)))
    writeFileSync(fileOf(env.HOME), '{"keyring":"nothing"}', { mode: 0o600 })
    expect(await llxprtKey(['use'], env)).toEqual(failed("field 'keyring' must be one of"))
    expect((await llxprtKey(['use', 'os'], env)).code).toBe(0)
    expect(settingOf(env.HOME)).toEqual({ keyring: 'os' })
  })

  test('writes nothing into a project that an environment variable points into', async () => {
    const project = newDirectory()
    const home = newDirectory()
    const env = { HOME: home, LLXPRT_DATA_HOME: path.join(project, 'data') }
    const before = process.cwd()
    process.chdir(project)
    try {
      expect(await llxprtKey(['use', 'os'], env)).toEqual(failed('LLXPRT_DATA_HOME points into the project'))
      expect(readdirSync(project)).toEqual([])
    } finally {
      process.chdir(before)
    }
  })
})
