// ExtensionSettingsStorage: the settings of extensions (R7).

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseEnv } from 'node:util'
import { ExtensionSettingsStorage } from '@llxprt/securestore'
import { describe, expect, inject, test } from 'vitest'
import { codeOf, FakeKeyring, newDirectory, noKeyring, storageError } from './support/helpers'

const URL_SETTING = { name: 'Server', envVar: 'SERVER_URL' }
const PLAIN = { name: 'Team', envVar: 'TEAM', sensitive: false }
const TOKEN = { name: 'Token', envVar: 'API_TOKEN', sensitive: true }
const ALL = [URL_SETTING, PLAIN, TOKEN]

function setUp(options: object = {}) {
  const keyring = new FakeKeyring()
  const directory = newDirectory()
  const extensionDir = path.join(directory, 'my-extension')
  const settings = new ExtensionSettingsStorage('my-extension', extensionDir, {
    fallbackDir: path.join(directory, 'store'),
    keytarLoader: keyring.loader,
    ...options,
  })
  return { keyring, extensionDir, file: path.join(extensionDir, '.env'), settings }
}

/** Values that readers of .env files interpret in different ways. */
const SPECIAL = [
  '',
  ' ',
  '  leading and trailing  ',
  'say "hi"',
  "it's",
  '`',
  '\'"`',
  'one\ntwo',
  'one\r\ntwo\r',
  '\\',
  'C:\\new\\dir\\',
  '\\n',
  '\\"',
  '#fff',
  'a # b',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is data
  '$HOME ${HOME} $(id)',
  '=a=b=',
  'export A=b',
  '鍵 schlüssel 🔑 \u2028 \u0085 \ufeff',
  '-----BEGIN KEY-----\nMII\'c"`\\\n-----END KEY-----\n',
  '{"json": ["\'", 1]}',
  '\t\u0001\u007f',
]

describe.each([
  ['with a keyring', {}],
  ['without a keyring', { keytarLoader: noKeyring }],
])('R7.6 settings, %s,', (_name, options) => {
  test('are saved, loaded and deleted: sensitive ones in the store, the others in .env', async () => {
    const { keyring, extensionDir, file, settings } = setUp(options)
    expect(await settings.hasSettings()).toBe(false)
    expect(await settings.loadSettings(ALL)).toEqual({})
    const values = { SERVER_URL: 'https://example.com', API_TOKEN: 'sk-token', STRANGER: 'ignored' }
    await settings.saveSettings(ALL, values)
    expect(readFileSync(file, 'utf8')).toBe('SERVER_URL=https://example.com\n')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(extensionDir).mode & 0o777).toBe(0o700)
    const loaded = await settings.loadSettings(ALL)
    expect(loaded).toEqual({ SERVER_URL: 'https://example.com', API_TOKEN: 'sk-token' })
    expect(Object.keys(loaded)).toHaveLength(2)
    expect([...keyring.entries]).toEqual(
      'keytarLoader' in options ? [] : [['LLxprt Code Extension my-extension/API_TOKEN', 'sk-token']],
    )
    expect(await settings.hasSettings()).toBe(true)
    expect(await settings.hasSettings([PLAIN])).toBe(false)
    expect(await settings.hasSettings([PLAIN, TOKEN])).toBe(true)
    await settings.saveSettings(ALL, { TEAM: 'x' })
    expect(await settings.loadSettings(ALL)).toEqual({ TEAM: 'x' })
    expect(keyring.entries.size).toBe(0)
    await settings.deleteSettings([PLAIN])
    expect(await settings.loadSettings(ALL)).toEqual({})
    expect(existsSync(file)).toBe(false)
    await settings.saveSettings(ALL, values)
    await settings.deleteSettings()
    expect(await settings.hasSettings()).toBe(false)
    expect(await settings.loadSettings(ALL)).toEqual({})
    await settings.deleteSettings()
    await settings.deleteSettings(ALL)
  })

  test('are loaded as they were saved, with all special characters', async () => {
    const { settings } = setUp(options)
    for (const value of SPECIAL) {
      const values = { SERVER_URL: value, TEAM: `${value}x`, API_TOKEN: value }
      await settings.saveSettings(ALL, values)
      expect(await settings.loadSettings(ALL)).toEqual(values)
    }
    const many = SPECIAL.map((_, i) => ({ name: `${i}`, envVar: `V${i}` }))
    const values = Object.fromEntries(SPECIAL.map((value, i) => [`V${i}`, value]))
    await settings.saveSettings(many, values)
    expect(await settings.loadSettings(many)).toEqual(values)
  })
})

describe('R7.6 the .env file', () => {
  test('is read as Node reads it', async () => {
    const { extensionDir, file, settings } = setUp()
    mkdirSync(extensionDir)
    const lines = [
      '# a comment',
      'A=plain # comment',
      'export B=exported',
      "C='single # quoted $X'",
      'D="double\\nquoted"',
      'E=`back\'tick"quoted`',
      'F=',
      'G="several',
      'lines"',
      ' H = spaced ',
      'not an assignment',
    ]
    const names = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']
    const declared = names.map((envVar) => ({ name: envVar, envVar }))
    for (const end of ['\n', '\r\n']) {
      writeFileSync(file, `\ufeff${lines.join(end)}${end}`)
      const node = parseEnv(lines.join('\n'))
      expect(await settings.loadSettings(declared)).toEqual(Object.fromEntries(names.map((name) => [name, node[name]])))
    }
  })

  test('is written so that Node reads the same value if it can', async () => {
    const { file, settings } = setUp()
    // Node knows no escape sequence but \n, so it cannot read values that need others.
    for (const value of SPECIAL.filter((value) => !/\r|\\$|^$/.test(value) && !/['"`].*['"`].*['"`]/s.test(value))) {
      await settings.saveSettings([PLAIN], { TEAM: value })
      expect(parseEnv(readFileSync(file, 'utf8'))).toEqual({ TEAM: value })
    }
  })

  test('keeps the lines of other programs, and loses the value of a setting that is now sensitive', async () => {
    const { extensionDir, file, settings } = setUp()
    mkdirSync(extensionDir)
    writeFileSync(file, '# mine\r\nOTHER="kept" # too\r\nexport TEAM=old\r\nAPI_TOKEN=plain\r\nlast')
    await settings.saveSettings(ALL, { SERVER_URL: 'x', TEAM: 'new one', API_TOKEN: 'sk' })
    expect(readFileSync(file, 'utf8')).toBe(
      '# mine\r\nOTHER="kept" # too\r\nexport TEAM="new one"\r\nlast\r\nSERVER_URL=x\r\n',
    )
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await settings.deleteSettings(ALL)
    expect(readFileSync(file, 'utf8')).toBe('# mine\r\nOTHER="kept" # too\r\nlast\r\n')
    expect(await settings.hasSettings(ALL)).toBe(false)
    expect(await settings.hasSettings()).toBe(true)
  })

  test('is not changed if it has a quote that is not closed', async () => {
    const { extensionDir, file, keyring, settings } = setUp()
    mkdirSync(extensionDir)
    writeFileSync(file, 'OPEN="never closed\n')
    const error = await storageError(settings.saveSettings(ALL, { TEAM: 'x" # y', API_TOKEN: 'sk' }))
    expect(error.message).toBe(`${file} has a quote that is not closed. Its meaning would change`)
    expect(error.code).toBe('CORRUPT')
    expect(readFileSync(file, 'utf8')).toBe('OPEN="never closed\n')
    expect(keyring.calls).toEqual([])
  })
})

describe('R7.6 an invalid argument', () => {
  test('is refused before anything changes', async () => {
    const { keyring, extensionDir, settings } = setUp()
    for (const envVar of ['', '1A', 'A-B', 'A B', 'A=B', 'Ä', 'A\n']) {
      const declared = [TOKEN, { name: 'bad', envVar }]
      const message = `Setting variable '${envVar}' is not a valid environment variable name: use letters, digits and underscores, not starting with a digit`
      const calls = [
        settings.saveSettings(declared, { API_TOKEN: 'sk' }),
        settings.loadSettings(declared),
        settings.deleteSettings(declared),
        settings.hasSettings(declared),
      ]
      for (const error of await Promise.all(calls.map(storageError))) {
        expect(error.message).toBe(message)
        expect(error.code).toBe('CORRUPT')
      }
    }
    const nul = await storageError(settings.saveSettings(ALL, { TEAM: 'a\0b', API_TOKEN: 'sk' }))
    expect(nul.message).toBe('The value of TEAM contains a NUL character, which an environment variable cannot hold')
    const twice = [TOKEN, { ...TOKEN, sensitive: false }]
    const error = await storageError(settings.saveSettings(twice, { API_TOKEN: 'sk' }))
    expect(error.message).toBe("Setting variable 'API_TOKEN' is declared both as sensitive and as not sensitive")
    expect(await codeOf(settings.saveSettings(ALL, { TEAM: '\ud800', API_TOKEN: 'sk' }))).toBe('CORRUPT')
    expect(keyring.calls).toEqual([])
    expect(existsSync(extensionDir)).toBe(false)
  })

  test('of a wrong type is a TypeError', async () => {
    const { settings } = setUp()
    const untyped = settings as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
    for (const args of [[], [{}], [[7]], [[{}]], [[{ envVar: 'A', sensitive: 'yes' }]], [ALL], [ALL, { TEAM: 7 }]]) {
      await expect(untyped.saveSettings?.(...args)).rejects.toThrow(TypeError)
    }
    expect(() => new ExtensionSettingsStorage('x', '')).toThrow(
      new TypeError('extensionDir must be the path of a directory'),
    )
  })

  test('is not a variable with the name of a property of every object', async () => {
    const { settings } = setUp()
    const declared = ['constructor', 'toString', '__proto__'].map((envVar) => ({ name: envVar, envVar }))
    await settings.saveSettings(declared, {})
    expect(await settings.loadSettings(declared)).toEqual({})
    const values = JSON.parse('{"constructor":"a","toString":"b","__proto__":"c"}')
    await settings.saveSettings(declared, values)
    expect(Object.entries(await settings.loadSettings(declared)).sort()).toEqual(Object.entries(values).sort())
  })
})

test('R7A the failure of a keyring is reported by every method', async () => {
  const { keyring, file, settings } = setUp({ fallbackPolicy: 'deny' })
  keyring.failure = new Error('the keyring is locked')
  expect(await codeOf(settings.saveSettings(ALL, { TEAM: 'x', API_TOKEN: 'sk' }))).toBe('LOCKED')
  expect(readFileSync(file, 'utf8')).toBe('TEAM=x\n')
  expect(await codeOf(settings.loadSettings(ALL))).toBe('LOCKED')
  expect(await codeOf(settings.hasSettings([TOKEN]))).toBe('LOCKED')
  expect(await codeOf(settings.deleteSettings())).toBe('LOCKED')
})

test('R7 the service has the name of the extension without special characters, cut at 255 characters', async () => {
  const { keyring } = setUp()
  for (const [name, service] of [
    ['@scope/my ext_1.0-b', 'LLxprt Code Extension scopemyext_10-b'],
    ['x'.repeat(300), `LLxprt Code Extension ${'x'.repeat(255 - 22)}`],
  ] as const) {
    keyring.entries.clear()
    const settings = new ExtensionSettingsStorage(name, newDirectory(), { keytarLoader: keyring.loader })
    await settings.saveSettings([TOKEN], { API_TOKEN: 'sk' })
    expect([...keyring.entries.keys()]).toEqual([`${service}/API_TOKEN`])
  }
})

test('R7 sensitive settings are stored in the OS keyring', async () => {
  process.env.DBUS_SESSION_BUS_ADDRESS = inject('keyringAddress')
  delete process.env.LLXPRT_DISABLE_OS_KEYRING
  const directory = newDirectory()
  const settings = new ExtensionSettingsStorage(`real-${process.pid}`, directory, { fallbackPolicy: 'deny' })
  await settings.saveSettings(ALL, { TEAM: 'x', API_TOKEN: 'sk\n"' })
  expect(readFileSync(path.join(directory, '.env'), 'utf8')).toBe('TEAM=x\n')
  expect(await settings.loadSettings(ALL)).toEqual({ TEAM: 'x', API_TOKEN: 'sk\n"' })
  await settings.deleteSettings()
  expect(await settings.hasSettings()).toBe(false)
})

describe('R7 the service of an extension', () => {
  test('is the option serviceName', async () => {
    const { keyring, settings } = setUp({ serviceName: 'LLxprt Code Extension my-extension Workspace 1a2b3c4d' })
    await settings.saveSettings([TOKEN], { API_TOKEN: 'sk' })
    expect([...keyring.entries]).toEqual([['LLxprt Code Extension my-extension Workspace 1a2b3c4d/API_TOKEN', 'sk']])
    expect(await settings.loadSettings([TOKEN])).toEqual({ API_TOKEN: 'sk' })
  })
})
