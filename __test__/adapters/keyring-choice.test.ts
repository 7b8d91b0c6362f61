// How a keyring is chosen by file and environment, and which choices a project must not be able to make.

import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { KeyringAdapter, SecureStoreError } from '@llxprt/securestore'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, newDirectory } from '../support/helpers'
import { ROOT } from '../support/node'
import { newPrograms, withPath } from './programs'
import { TOKEN, VaultServer } from './vault-server'

interface Choice {
  kind: string
  source: string
  description: string
  loader: null | (() => Promise<KeyringAdapter | null>)
}

interface Options {
  dataDir: string
  dataDirRule: string
  configured?: unknown
  env: NodeJS.ProcessEnv
  cwd: string
  home: string
}

const require = createRequire(__filename)
const { chooseKeyring } = require(path.join(ROOT, 'lib/keyring-choice.js')) as {
  chooseKeyring(options: Options): Choice | null
}
const { dataDirectoryInProject } = require(path.join(ROOT, 'lib/project-directory.js')) as {
  dataDirectoryInProject(options: Options): { message: string; remediation: string } | null
}
const { writeKeyringFile } = require(path.join(ROOT, 'lib/keyring-file.js')) as {
  writeKeyringFile(dataDir: string, setting: object): void
}

let dataDir: string
let file: string
const home = process.env.HOME ?? ''

beforeEach(() => {
  dataDir = newDirectory()
  file = path.join(dataDir, 'keyring.json')
})

const choose = (options: Partial<Options> = {}) =>
  chooseKeyring({ dataDir, dataDirRule: 'home', env: {}, cwd: newDirectory(), home, ...options })

/** Returns the error of a choice that fails. */
function refusal(options: Partial<Options> = {}): SecureStoreError {
  try {
    choose(options)
  } catch (error) {
    expect(error).toMatchObject({ name: 'SecureStoreError' })
    return error as SecureStoreError
  }
  throw new Error('A keyring was chosen')
}

describe('the order', () => {
  test('is the host, then LLXPRT_KEYRING, then the file, then the default', () => {
    expect(choose()).toBeNull()
    writeKeyringFile(dataDir, { keyring: 'files' })
    expect(choose()).toMatchObject({ kind: 'files', source: file, loader: null })
    expect(choose({ env: { LLXPRT_KEYRING: ' os ' } })).toMatchObject({ kind: 'os', source: 'LLXPRT_KEYRING' })
    expect(choose({ env: { LLXPRT_KEYRING: '' } })).toMatchObject({ source: file })
    const env = { LLXPRT_KEYRING: 'os' }
    expect(choose({ env, configured: 'files' })).toMatchObject({ kind: 'files', source: 'configure' })
    const configured = async () => null
    expect(choose({ env, configured })).toMatchObject({ kind: 'adapter', loader: configured })
  })
})

describe('the file', () => {
  test('gives the stores of one setting one adapter', async () => {
    const setting = { keyring: 'vault', address: 'https://vault.example.com' }
    writeKeyringFile(dataDir, setting)
    const adapter = await choose()?.loader?.()
    expect(await choose()?.loader?.()).toBe(adapter)
    expect(await choose({ env: { VAULT_TOKEN: 'other' } })?.loader?.()).not.toBe(adapter)
    writeKeyringFile(dataDir, { ...setting, mount: 'other' })
    expect(await choose()?.loader?.()).not.toBe(adapter)
  })

  test('is written for its owner only, and replaced as a whole', () => {
    const directory = path.join(dataDir, 'new', 'directory')
    writeKeyringFile(directory, { keyring: 'os' })
    writeKeyringFile(directory, { keyring: 'files' })
    expect(JSON.parse(readFileSync(path.join(directory, 'keyring.json'), 'utf8'))).toEqual({ keyring: 'files' })
    expect(statSync(path.join(directory, 'keyring.json')).mode & 0o777).toBe(0o600)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
  })

  test.each([0o644, 0o620, 0o602, 0o666, 0o601])('with mode %o is refused', (mode) => {
    writeKeyringFile(dataDir, { keyring: 'files' })
    chmodSync(file, mode)
    expect(refusal()).toMatchObject({
      code: 'UNAVAILABLE',
      message: `${file} is not used: other users have access to it`,
      remediation: `Run: chmod 600 '${file}'`,
    })
  })

  test('in a directory that others can write to is refused, also through a link', () => {
    writeKeyringFile(dataDir, { keyring: 'files' })
    const other = newDirectory()
    symlinkSync(file, path.join(other, 'keyring.json'))
    expect(choose({ dataDir: other })).toMatchObject({ kind: 'files' })
    chmodSync(dataDir, 0o770)
    for (const directory of [dataDir, other]) {
      expect(refusal({ dataDir: directory }).message).toContain(
        `other users can write to the directory ${realpathSync(dataDir)}`,
      )
    }
  })

  // Only root can give a file to another user.
  test.skipIf(process.getuid?.() !== 0)(
    'of another user is refused, and so is one in a directory of another user',
    () => {
      writeKeyringFile(dataDir, { keyring: 'files' })
      chownSync(file, 12_345, 12_345)
      expect(refusal().message).toBe(`${file} is not used: ${file} belongs to another user`)
      chownSync(file, 0, 0)
      chownSync(dataDir, 12_345, 12_345)
      expect(refusal().message).toBe(`${file} is not used: ${dataDir} belongs to another user`)
    },
  )

  test.each([
    ['{', 'is not JSON'],
    ['[]', 'does not contain a JSON object'],
    ['null', 'does not contain a JSON object'],
    ['{}', "field 'keyring' must be one of os, files, vault, docker, command"],
    ['{"keyring":"toString"}', "field 'keyring'"],
    ['{"keyring":"os","address":"x"}', "unknown field 'address'"],
    ['{"keyring":"vault"}', "field 'address' is missing"],
    ['{"keyring":"vault","address":"https://v","token":"hvs.x"}', "unknown field 'token'"],
    ['{"keyring":"vault","address":"vault:8200"}', 'must be a URL'],
    ['{"keyring":"vault","address":"https://v","mount":"../x"}', "field 'mount' must be"],
    ['{"keyring":"vault","address":"https://v","tokenFile":"./token"}', "field 'tokenFile' must be an absolute path"],
    ['{"keyring":"docker"}', "field 'helper' is missing"],
    ['{"keyring":"docker","helper":"../x"}', 'the name must be'],
    ['{"keyring":"command","get":"op read"}', "field 'get' must be an array"],
    ['{"keyring":"command","get":["op"],"environment":{"A":1}}', "field 'environment' must be"],
    ['{"keyring":"command","get":["op"],"passEnvironment":"A"}', "field 'passEnvironment' must be"],
    ['{"keyring":"docker","helper":"pass","env":{"A":"x"}}', "unknown field 'env'"],
  ])('that holds %s is CORRUPT, and the error names the file', (text, message) => {
    writeFileSync(file, text, { mode: 0o600 })
    const error = refusal()
    expect(error.code).toBe('CORRUPT')
    expect(error.message).toContain(file)
    expect(error.message).toContain(message)
    expect(error.message).not.toContain('hvs.x')
    expect(error.remediation).toContain('llxprt-key use')
  })

  test('that is a directory, too large or unreadable is refused', () => {
    mkdirSync(file)
    expect(refusal().message).toContain('is not a regular file')
    const other = newDirectory()
    writeFileSync(path.join(other, 'keyring.json'), ' '.repeat(70_000), { mode: 0o600 })
    expect(refusal({ dataDir: other }).message).toContain('larger than')
  })

  test('below a path that is not a directory counts as absent', () => {
    writeFileSync(path.join(dataDir, 'plain'), '')
    expect(choose({ dataDir: path.join(dataDir, 'plain') })).toBeNull()
  })
})

describe('a Vault server', () => {
  let server: VaultServer
  beforeEach(async () => {
    server = await new VaultServer().start()
  })
  afterEach(() => server.stop())

  test('is used at the address in the file, with the token of the environment', async () => {
    const trap = await new VaultServer().start()
    writeKeyringFile(dataDir, { keyring: 'vault', address: server.address, mount: 'secret' })
    const env = { VAULT_ADDR: trap.address, BAO_ADDR: trap.address, VAULT_NAMESPACE: 'evil', VAULT_TOKEN: TOKEN }
    const choice = choose({ env })
    expect(choice).toMatchObject({
      kind: 'vault',
      source: file,
      description: `Vault at ${new URL(server.address).host}`,
    })
    await (await choice?.loader?.())?.setPassword('service', 'key', 'value')
    expect([...server.secrets.keys()]).toEqual(['secret/llxprt/service/key'])
    expect(server.headers['x-vault-namespace']).toBeUndefined()
    expect(trap.requests).toEqual([])
    await trap.stop()
  })
})

describe('a hostile environment', () => {
  test.each(['command', 'vault', 'command /bin/sh', 'docker evil', 'OS'])('LLXPRT_KEYRING=%s is an error', (value) => {
    const error = refusal({ env: { LLXPRT_KEYRING: value } })
    expect([error.code, error.message]).toEqual(['UNAVAILABLE', "LLXPRT_KEYRING must be 'os' or 'files'"])
  })

  test.each(['LLXPRT_DATA_HOME', 'LLXPRT_CONFIG_HOME', 'XDG_DATA_HOME'])(
    'that moves the data directory into the project by %s cannot choose a keyring',
    (variable) => {
      const project = newDirectory()
      mkdirSync(path.join(project, '.git'))
      const cwd = path.join(project, 'src')
      mkdirSync(cwd)
      const inside = path.join(project, 'data')
      writeKeyringFile(inside, { keyring: 'command', get: ['/bin/sh', '-c', 'touch pwned'] })
      const dataDirRule = variable === 'XDG_DATA_HOME' ? 'platform' : variable
      const options = { dataDir: inside, dataDirRule, env: { [variable]: inside }, cwd }
      const error = refusal(options)
      expect(error.code).toBe('UNAVAILABLE')
      expect(error.message).toContain(`${variable} points into the project ${realpathSync(project)}`)
      expect(dataDirectoryInProject({ ...options, home })?.remediation).toContain(`Unset ${variable}`)
      const link = path.join(newDirectory(), 'link')
      symlinkSync(inside, link)
      expect(refusal({ ...options, dataDir: link }).message).toContain('points into the project')
      expect(choose({ ...options, cwd: newDirectory() })).toMatchObject({ kind: 'command' })
    },
  )

  test('is not assumed if the current directory is the home directory', () => {
    const options = { dataDir, dataDirRule: 'LLXPRT_DATA_HOME', env: {}, cwd: home, home }
    expect(dataDirectoryInProject(options)).toBeNull()
    expect(dataDirectoryInProject({ ...options, cwd: '/' })).toBeNull()
    expect(dataDirectoryInProject({ ...options, cwd: dataDir, dataDirRule: 'home' })).toBeNull()
    expect(dataDirectoryInProject({ ...options, cwd: dataDir })).not.toBeNull()
  })

  test('gives a program of the file only the variables of the session and those of the file', async () => {
    const record = path.join(newDirectory(), 'record')
    const directory = newPrograms({ 'docker-credential-test': `env > ${record}; echo '{"Username":"","Secret":""}'` })
    writeKeyringFile(dataDir, {
      keyring: 'docker',
      helper: 'test',
      environment: { PASSWORD_STORE_DIR: '/mine' },
      passEnvironment: ['TOKEN_OF_THE_HELPER'],
    })
    const hostile = { PASSWORD_STORE_DIR: './evil', GNUPGHOME: './evil', LD_PRELOAD: './evil.so', BASH_ENV: './evil' }
    const bus = 'unixexec:path=/bin/sh,argv1=evil'
    const choice = choose({
      env: { ...withPath(directory), ...hostile, TOKEN_OF_THE_HELPER: 'passed on', DBUS_SESSION_BUS_ADDRESS: bus },
    })
    expect(await (await choice?.loader?.())?.getPassword('service', 'key')).toBeNull()
    const seen = readFileSync(record, 'utf8')
    expect(seen).toContain('PASSWORD_STORE_DIR=/mine\n')
    expect(seen).toContain('TOKEN_OF_THE_HELPER=passed on\n')
    expect(seen).not.toMatch(/evil|GNUPGHOME|BASH_ENV|LLXPRT/)
  })
})

test('a missing program of the chosen keyring is UNAVAILABLE', async () => {
  writeKeyringFile(dataDir, { keyring: 'command', get: ['no-such-program'] })
  const adapter = await choose({ env: { PATH: '/usr/bin' } })?.loader?.()
  expect(await codeOf(adapter?.getPassword('service', 'key') ?? Promise.resolve())).toBe('UNAVAILABLE')
})
