// ToolKeyStorage: the API keys of tools (R7).

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  encryptEnvelopeString,
  getSupportedToolNames,
  getToolKeyEntry,
  getToolKeyStorage,
  isValidToolKeyName,
  TOOL_KEY_REGISTRY,
  ToolKeyStorage,
} from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { codeOf, FakeKeyring, newDirectory, noKeyring, storageError, valueFiles } from './support/helpers'

const SERVICE = 'llxprt-code-tool-keys'

function setUp() {
  const keyring = new FakeKeyring()
  const toolsDir = newDirectory()
  return { keyring, toolsDir, keys: new ToolKeyStorage({ toolsDir, keytarLoader: keyring.loader }) }
}

describe('R7.6 the registry', () => {
  test('has one tool', () => {
    const exa = {
      toolKeyName: 'exa',
      displayName: 'Exa Search',
      urlParamName: 'exaApiKey',
      description: 'API key for Exa web and code search',
    }
    expect(TOOL_KEY_REGISTRY).toBeInstanceOf(Map)
    expect([...TOOL_KEY_REGISTRY]).toEqual([['exa', exa]])
    expect(getToolKeyEntry('exa')).toEqual(exa)
    expect(getSupportedToolNames()).toEqual(['exa'])
    expect(isValidToolKeyName('exa')).toBe(true)
    for (const name of ['EXA', '', 'other', 'constructor']) {
      expect(isValidToolKeyName(name)).toBe(false)
      expect(getToolKeyEntry(name)).toBeUndefined()
    }
  })
})

describe('R7.6 a tool’s key', () => {
  test('is stored unchanged in the keyring under the name of the tool', async () => {
    const { keyring, keys, toolsDir } = setUp()
    expect(await keys.getKey('exa')).toBeNull()
    await keys.saveKey('exa', ' sk-exa\n')
    expect(keyring.entries).toEqual(new Map([[`${SERVICE}/exa`, ' sk-exa\n']]))
    expect(await keys.getKey('exa')).toBe(' sk-exa\n')
    expect(await keys.hasKey('exa')).toBe(true)
    expect(await keys.deleteKey('exa')).toBe(true)
    expect(await keys.deleteKey('exa')).toBe(false)
    expect(await keys.hasKey('exa')).toBe(false)
    expect(readdirSync(toolsDir)).toEqual([])
  })

  test('is stored in an encrypted file in toolsDir without a keyring', async () => {
    const toolsDir = path.join(newDirectory(), 'tools')
    const keys = new ToolKeyStorage({ toolsDir, keyringLoader: noKeyring })
    await keys.saveKey('exa', 'sk-exa')
    expect(valueFiles(toolsDir)).toEqual(['exa.enc'])
    expect(statSync(path.join(toolsDir, 'exa.enc')).mode & 0o777).toBe(0o600)
    expect(readFileSync(path.join(toolsDir, 'exa.enc'), 'utf8')).not.toContain('sk-exa')
    expect(await new ToolKeyStorage({ toolsDir, keyringLoader: noKeyring }).getKey('exa')).toBe('sk-exa')
    expect(await keys.hasKey('exa')).toBe(true)
    expect(await keys.deleteKey('exa')).toBe(true)
    expect(await keys.getKey('exa')).toBeNull()
  })

  test('does not count as missing when the keyring fails', async () => {
    const { keyring, keys } = setUp()
    keyring.failure = new Error('the keyring is locked')
    expect(await codeOf(keys.getKey('exa'))).toBe('LOCKED')
    expect(await codeOf(keys.hasKey('exa'))).toBe('LOCKED')
    expect(await codeOf(keys.resolveKey('exa'))).toBe('LOCKED')
    expect(await codeOf(keys.deleteKey('exa'))).toBe('LOCKED')
    await keys.saveKey('exa', 'in the file')
    expect(await keys.getKey('exa')).toBe('in the file')
  })
})

test('R7.6 an envelope that the CLI keeps in <tool>.key is read, replaced by a save, and removed by a delete', async () => {
  const { toolsDir, keyring } = setUp()
  const keyFile = path.join(toolsDir, 'exa.key')
  const machineSecretLoader = async () => Buffer.alloc(32, 7)
  const keys = new ToolKeyStorage({ toolsDir, keyringLoader: noKeyring, machineSecretLoader })
  for (const options of [{ machineSecretLoader }, { machineSecretLoader: async () => null }]) {
    writeFileSync(keyFile, await encryptEnvelopeString('sk of the CLI', SERVICE, options))
    expect([await keys.hasKey('exa'), await keys.getKey('exa')]).toEqual([true, 'sk of the CLI'])
    expect(await keys.deleteKey('exa')).toBe(true)
    expect([await keys.hasKey('exa'), await keys.getKey('exa'), existsSync(keyFile)]).toEqual([false, null, false])
    writeFileSync(keyFile, await encryptEnvelopeString('sk of the CLI', SERVICE, options))
    await keys.saveKey('exa', 'newer')
    expect([existsSync(keyFile), valueFiles(toolsDir), await keys.getKey('exa')]).toEqual([false, ['exa.enc'], 'newer'])
    await keys.deleteKey('exa')
  }
  writeFileSync(keyFile, await encryptEnvelopeString('sk of the CLI', SERVICE, { machineSecretLoader }))
  const others = { toolsDir, keyringLoader: keyring.loader, machineSecretLoader: async () => Buffer.alloc(32, 8) }
  expect(await storageError(new ToolKeyStorage(others).getKey('exa'))).toMatchObject({
    code: 'CORRUPT',
    message: expect.stringMatching(
      /^Failed to decrypt envelope .*exa\.key: the key is wrong, or the file was altered\. A v:2 envelope requires/,
    ),
  })
})

test('R7.6 an unknown tool is refused by every method before the keyring is called', async () => {
  const { keyring, keys, toolsDir } = setUp()
  for (const tool of ['other', '', 'EXA', '../exa', '__proto__']) {
    const calls = [
      keys.saveKey(tool, 'sk'),
      keys.getKey(tool),
      keys.deleteKey(tool),
      keys.hasKey(tool),
      keys.resolveKey(tool),
      keys.setKeyfilePath(tool, '/k'),
      keys.getKeyfilePath(tool),
      keys.clearKeyfilePath(tool),
    ]
    for (const error of await Promise.all(calls.map(storageError))) {
      expect(error.message).toBe(`Invalid tool key name: "${tool}". Supported names: exa`)
      expect(error.code).toBe('CORRUPT')
    }
  }
  expect(keyring.calls).toEqual([])
  expect(readdirSync(toolsDir)).toEqual([])
})

describe('R7.6 a key file', () => {
  test('is recorded in keyfiles.json, and used if no key is stored', async () => {
    const { keys, toolsDir } = setUp()
    const file = path.join(newDirectory(), 'exa.txt')
    expect(await keys.getKeyfilePath('exa')).toBeNull()
    await keys.clearKeyfilePath('exa')
    expect(readdirSync(toolsDir)).toEqual([])
    await keys.setKeyfilePath('exa', file)
    expect(await keys.getKeyfilePath('exa')).toBe(file)
    const map = path.join(toolsDir, 'keyfiles.json')
    expect(JSON.parse(readFileSync(map, 'utf8'))).toEqual({ exa: file })
    expect(statSync(map).mode & 0o777).toBe(0o600)

    expect(await keys.resolveKey('exa')).toBeNull()
    writeFileSync(file, '  sk-from-file \r\nsecond line\n')
    expect(await keys.resolveKey('exa')).toBe('sk-from-file')
    writeFileSync(file, ' \n')
    expect(await keys.resolveKey('exa')).toBeNull()
    writeFileSync(file, 'sk-again')
    expect(await keys.resolveKey('exa')).toBe('sk-again')
    expect(await keys.getKey('exa')).toBeNull()
    expect(await keys.hasKey('exa')).toBe(false)
    await keys.saveKey('exa', 'sk-stored')
    expect(await keys.resolveKey('exa')).toBe('sk-stored')
    await keys.deleteKey('exa')
    await keys.clearKeyfilePath('exa')
    expect(await keys.resolveKey('exa')).toBeNull()
    expect(existsSync(file)).toBe(true)
  })

  test('may start with ~ for the home directory', async () => {
    const { keys } = setUp()
    writeFileSync(path.join(process.env.HOME ?? '', 'exa.txt'), 'sk-home')
    await keys.setKeyfilePath('exa', '~/exa.txt')
    expect(await keys.getKeyfilePath('exa')).toBe('~/exa.txt')
    expect(await keys.resolveKey('exa')).toBe('sk-home')
  })

  test('that is a pipe, a directory or not text is refused without waiting', async () => {
    const { keys } = setUp()
    const directory = newDirectory()
    execFileSync('mkfifo', [path.join(directory, 'pipe')])
    writeFileSync(path.join(directory, 'binary'), Buffer.from([0xff, 0xfe]))
    for (const [name, code] of [
      ['pipe', 'UNAVAILABLE'],
      ['', 'UNAVAILABLE'],
      ['binary', 'CORRUPT'],
    ] as const) {
      await keys.setKeyfilePath('exa', path.join(directory, name))
      expect(await codeOf(keys.resolveKey('exa'))).toBe(code)
    }
  })

  test('is set without losing others at the same time, and a malformed keyfiles.json is not changed', async () => {
    const { keyring, keys, toolsDir } = setUp()
    const map = path.join(toolsDir, 'keyfiles.json')
    writeFileSync(map, '{"other":"/k"}')
    const storages = Array.from({ length: 10 }, () => new ToolKeyStorage({ toolsDir, keytarLoader: keyring.loader }))
    await Promise.all(storages.map((storage, i) => storage.setKeyfilePath('exa', `/k${i}`)))
    expect(JSON.parse(readFileSync(map, 'utf8'))).toEqual({ other: '/k', exa: expect.stringMatching(/^\/k\d$/) })
    writeFileSync(map, 'not JSON')
    const calls = [keys.getKeyfilePath('exa'), keys.setKeyfilePath('exa', '/x'), keys.clearKeyfilePath('exa')]
    for (const error of await Promise.all(calls.map(storageError))) {
      expect(error.message).toBe(`${map} is not a JSON map of tools to paths`)
      expect(error.code).toBe('CORRUPT')
    }
    expect((await storageError(keys.setKeyfilePath('exa', ''))).message).toBe('Key file path cannot be empty.')
    expect(readFileSync(map, 'utf8')).toBe('not JSON')
  })
})

test('R7.6 arguments of a wrong type are TypeErrors', async () => {
  const { keys } = setUp()
  const untyped = keys as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  await expect(untyped.saveKey?.('exa', 7)).rejects.toThrow(new TypeError('apiKey must be a string, not a number'))
  await expect(untyped.getKey?.()).rejects.toThrow(new TypeError('toolName must be a string, not undefined'))
  await expect(untyped.setKeyfilePath?.('exa', null)).rejects.toThrow(TypeError)
  expect(() => new ToolKeyStorage({ toolsDir: '' })).toThrow(
    new TypeError('options.toolsDir must be the path of a directory'),
  )
})

test('R7.6 the process-wide storage keeps its files in ~/.llxprt/tools', async () => {
  const storage = getToolKeyStorage()
  expect(storage).toBeInstanceOf(ToolKeyStorage)
  expect(getToolKeyStorage()).toBe(storage)
  await storage.saveKey('exa', 'sk')
  expect(valueFiles(path.join(process.env.HOME ?? '', '.llxprt', 'tools'))).toEqual(['exa.enc'])
})
