// The `/key` command: the exact answer to every subcommand in every situation.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  getProviderKeyStorage,
  KeyCommand,
  type KeyCommandContext,
  type KeyCommandResult,
  type KeyringLoader,
  ProviderKeyStorage,
  resetProviderKeyStorage,
  SecureStore,
  SecureStoreError,
  type SecureStoreOptions,
} from '@llxprt/securestore'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { FakeKeyring, newDirectory, noKeyring } from './support/helpers'

const KEY = 'sk-ant-api03'
const OLD = 'old-key-1234'

function setUp(options: SecureStoreOptions = {}) {
  const fallbackDir = newDirectory()
  const keyring = new FakeKeyring()
  const withLoader = (keytarLoader: KeyringLoader) =>
    new ProviderKeyStorage({ secureStore: new SecureStore('keys', { fallbackDir, keytarLoader, ...options }) })
  const storage = withLoader(keyring.loader)
  return { command: new KeyCommand(storage), fallbackDir, keyring, storage, withoutKeyring: withLoader(noKeyring) }
}

const info = (content: string): KeyCommandResult => ({ type: 'message', messageType: 'info', content })
const error = (content: string): KeyCommandResult => ({ type: 'message', messageType: 'error', content })
const confirm = (prompt: string, raw: string): KeyCommandResult => ({
  type: 'confirm_action',
  prompt,
  originalInvocation: { raw },
})
const session = (
  action: 'set' | 'clear' | 'status',
  apiKey: string | null = null,
  name: string | null = null,
  content: string | null = null,
) => ({ type: 'session_key', action, apiKey, name, content }) as KeyCommandResult

const invalid = error(
  "Key name 'a/b' is invalid. Use only letters, numbers, dashes, underscores, and dots (1-64 chars).",
)
const noKeys = info("No saved keys. Use '/key save <name> <api-key>' to store one.")
const unknown = error("Key 'nobody' not found. Use '/key list' to see saved keys.")
const unattended = error('Deleting keys requires interactive confirmation.')
const unavailable = error(
  "Cannot access keyring. Keys cannot be saved. Use '/key <raw-key>' for ephemeral session key.",
)
const locked = error('The keyring is locked — Unlock your keyring')
const loaded = session('set', OLD, 'work', "Loaded key 'work' — active for this session")
const overwrite = confirm("Key 'work' already exists. Overwrite?", '/key save work ***')
const overwriteUnattended = error("Key 'work' already exists. Overwriting requires interactive confirmation.")
const saved = (name: string, place: string) =>
  info(`Saved key '${name}' (sk********03) ${place}. Use '/key load ${name}' to use it in this session.`)
const inKeyring = (name: string) => saved(name, 'in the OS keyring')
const inFile = (name: string) => saved(name, 'in an encrypted file because the keyring is unavailable')
const cannotTell = (name: string) =>
  confirm(`Cannot tell whether key '${name}' exists (The keyring is locked). Save anyway?`, `/key save ${name} ***`)

/** The answers when the user can be asked, after the user agreed, and in a non-interactive run; or one answer for all three. */
type Answers = KeyCommandResult | [asked: KeyCommandResult, confirmed: KeyCommandResult, unattended: KeyCommandResult]

const MODES: Array<[string, KeyCommandContext | undefined, number]> = [
  ['asked', undefined, 0],
  ['asked, with explicit options', { interactive: true, confirmed: false }, 0],
  ['confirmed', { confirmed: true }, 1],
  ['unattended', { interactive: false }, 2],
  ['unattended, although confirmed', { interactive: false, confirmed: true }, 2],
]

/** Answers that do not depend on a store. */
const ALWAYS: Record<string, Answers> = {
  '': session('status'),
  ' \t\r\n': session('status'),
  none: session('clear'),
  ' NONE ': session('clear'),
  [` ${KEY} \n`]: session('set', KEY),
  'raw "key" with spaces': session('set', 'raw "key" with spaces'),
  'LOAD work': session('set', 'LOAD work'),
  save: error('Usage: /key save <name> <api-key>'),
  load: error('Usage: /key load <name>'),
  show: error('Usage: /key show <name>'),
  delete: error('Usage: /key delete <name>'),
  'save work': error('API key value cannot be empty.'),
  'save work \u{feff}\t': error('API key value cannot be empty.'),
  [`save a/b ${KEY}`]: invalid,
  'load a/b': invalid,
  'show a/b': invalid,
  'delete a/b': invalid,
}

const SITUATIONS: Record<string, { start: () => Promise<KeyCommand>; answers: Record<string, Answers> }> = {
  'the keyring works': {
    async start() {
      const { command, storage } = setUp()
      await storage.saveKey('work', OLD)
      return command
    },
    answers: {
      [`save new ${KEY}`]: inKeyring('new'),
      [` save\tnew \n${KEY}\r\n`]: inKeyring('new'),
      [`save work ${KEY}`]: [overwrite, inKeyring('work'), overwriteUnattended],
      'load work': loaded,
      'load work and more': loaded,
      'load nobody': unknown,
      'show work': info('work: ol********34 (12 chars)'),
      'show nobody': unknown,
      list: info('Saved keys:\n  work  ol********34'),
      'delete work': [confirm("Delete key 'work'?", '/key delete work'), info("Deleted key 'work'"), unattended],
      'delete nobody': [unknown, unknown, unattended],
    },
  },
  'R18 the keyring is absent and the files work': {
    async start() {
      const { withoutKeyring } = setUp()
      await withoutKeyring.saveKey('work', OLD)
      return new KeyCommand(withoutKeyring)
    },
    answers: {
      [`save new ${KEY}`]: inFile('new'),
      [`save work ${KEY}`]: [overwrite, inFile('work'), overwriteUnattended],
      'load work': loaded,
      'load nobody': unknown,
      'show work': info('work: ol********34 (12 chars)'),
      'show nobody': unknown,
      list: info('Saved keys:\n  work  ol********34'),
      'delete work': [confirm("Delete key 'work'?", '/key delete work'), info("Deleted key 'work'"), unattended],
      'delete nobody': [unknown, unknown, unattended],
    },
  },
  'the keyring is locked, with one key in it and one in a file': {
    async start() {
      const { command, keyring, storage, withoutKeyring } = setUp()
      await storage.saveKey('locked-up', OLD)
      await withoutKeyring.saveKey('work', OLD)
      keyring.failure = new Error('The keyring is locked')
      return command
    },
    answers: {
      [`save locked-up ${KEY}`]: [cannotTell('locked-up'), inFile('locked-up'), locked],
      [`save new ${KEY}`]: [cannotTell('new'), inFile('new'), locked],
      [`save work ${KEY}`]: [overwrite, inFile('work'), overwriteUnattended],
      'load locked-up': locked,
      'load work': loaded,
      'show locked-up': locked,
      'show work': info('work: ol********34 (12 chars)'),
      list: info('Saved keys:\n  work  ol********34\n(OS keyring could not be read: The keyring is locked)'),
      'delete locked-up': [locked, locked, unattended],
    },
  },
  'R18 both stores fail': {
    async start() {
      const { fallbackDir } = setUp()
      const secureStore = new SecureStore('keys', {
        fallbackDir: path.join(fallbackDir, 'file'),
        keytarLoader: noKeyring,
      })
      writeFileSync(path.join(fallbackDir, 'file'), '')
      return new KeyCommand(new ProviderKeyStorage({ secureStore }))
    },
    answers: {
      [`save work ${KEY}`]: unavailable,
      'load work': unavailable,
      'show work': unavailable,
      list: unavailable,
      'delete work': [unavailable, unavailable, unattended],
    },
  },
  'nothing is saved': {
    start: async () => setUp().command,
    answers: { list: noKeys, 'load nobody': unknown },
  },
}

describe.each(Object.entries(SITUATIONS))('R12–R18 %s', (_, { start, answers }) => {
  test.each(MODES)('%s', async (_, context, mode) => {
    const unchanged = await start()
    for (const [args, answer] of Object.entries({ ...ALWAYS, ...answers })) {
      const command = args in ALWAYS ? unchanged : await start()
      const result = context === undefined ? await command.run(args) : await command.run(args, context)
      expect(result, JSON.stringify(args)).toEqual(Array.isArray(answer) ? answer[mode] : answer)
      if (result.type !== 'session_key') expect(JSON.stringify(result)).not.toMatch(new RegExp(`${KEY}|${OLD}`))
    }
  })
})

describe('R13 save', () => {
  test('R13 replaces a key only once the user has agreed', async () => {
    const { command, storage } = setUp()
    await command.run(`save work ${OLD}`)
    await command.run(`save work ${KEY}`)
    await command.run(`save work ${KEY}`, { interactive: false, confirmed: true })
    expect(await storage.getKey('work')).toBe(OLD)
    await command.run(`save work ${KEY}`, { confirmed: true })
    expect(await storage.getKey('work')).toBe(KEY)
  })

  test('returns the invocation of the host with the question, or one without the key if the host passed none', async () => {
    const { command } = setUp()
    const raw = `/key  save work ${KEY} \ud83d\udd11`
    await command.run(`save work ${OLD}`)
    expect(await command.run(`save work ${KEY}`, { raw })).toEqual(
      confirm("Key 'work' already exists. Overwrite?", raw),
    )
    for (const none of [{}, { raw: undefined }, { raw: '' }]) {
      expect(await command.run(`save work ${KEY}`, none)).toEqual(overwrite)
    }
    expect(await command.run('delete work', { raw: ' /key delete work' })).toEqual(
      confirm("Delete key 'work'?", ' /key delete work'),
    )
  })

  test('refuses the mask of a key, which a host may pass from its history', async () => {
    const { command, storage } = setUp()
    await command.run(`save work ${OLD}`)
    for (const mask of ['***', 'ol********34']) {
      expect(await command.run(`save work ${mask}`, { confirmed: true })).toEqual(
        error("This is the mask of a key, not the key itself. Use '/key save <name> <api-key>'."),
      )
    }
    expect(await storage.getKey('work')).toBe(OLD)
  })

  test('R13 reports that the key is in a file when the keyring fails during the write', async () => {
    const { command, fallbackDir, keyring } = setUp()
    keyring.setPassword = async () => {
      throw new Error('Access denied')
    }
    expect(await command.run(`save work ${KEY}`)).toEqual(inFile('work'))
    expect(existsSync(path.join(fallbackDir, 'work.enc'))).toBe(true)
  })

  test('does not repeat the key when the error of an injected keyring does', async () => {
    const { command, keyring } = setUp({ fallbackPolicy: 'deny' })
    keyring.setPassword = async (_service, _account, password) => {
      throw new Error(`Permission denied for ${password}`)
    }
    expect(await command.run(`save work ${KEY}`)).toEqual(
      error('Permission denied for *** — Check permissions, run as the correct user'),
    )
  })

  test.each([
    ['Access denied', 'Check permissions, run as the correct user'],
    ['The call timed out', 'Retry, check system load'],
  ])('asks when it is unknown whether the name exists: %s', async (message, remediation) => {
    const { command, keyring } = setUp()
    keyring.failure = new Error(message)
    expect(await command.run(`save work ${KEY}`)).toEqual(
      confirm(`Cannot tell whether key 'work' exists (${message}). Save anyway?`, '/key save work ***'),
    )
    expect(await command.run(`save work ${KEY}`, { interactive: false })).toEqual(error(`${message} — ${remediation}`))
  })

  test('asks when the file of the name is malformed, and saves in a file when the keyring is unavailable', async () => {
    const { command, fallbackDir, keyring } = setUp()
    writeFileSync(path.join(fallbackDir, 'work.enc'), 'not an envelope')
    const asked = await command.run(`save work ${KEY}`)
    expect(asked.type === 'confirm_action' && asked.prompt).toMatch(
      /^Cannot tell whether key 'work' exists \(.+\)\. Save anyway\?$/,
    )
    keyring.failure = new Error('No idea')
    expect(await command.run(`save other ${KEY}`)).toEqual(inFile('other'))
  })
})

/** Makes a keyring list the names alone, so that each key is read by itself. */
function listWithoutPasswords(keyring: FakeKeyring): void {
  const accounts = [...keyring.entries.keys()].map((name) => ({ account: name.slice(name.indexOf('/') + 1) }))
  keyring.findCredentials = async () => accounts as Array<{ account: string; password: string }>
}

describe('R16 list', () => {
  test('is sorted, and marks the keys that cannot be read', async () => {
    const { command, fallbackDir, keyring, storage } = setUp()
    await storage.saveKey('b', KEY)
    await storage.saveKey('B', 'short')
    writeFileSync(path.join(fallbackDir, 'a.enc'), 'not an envelope')
    expect(await command.run('list')).toEqual(
      info('Saved keys:\n  B  *****\n  a  (unable to retrieve)\n  b  sk********03'),
    )
    listWithoutPasswords(keyring)
    keyring.getPassword = async () => {
      throw new Error('Access denied')
    }
    expect(await command.run('list')).toEqual(
      info('Saved keys:\n  B  (unable to retrieve)\n  a  (unable to retrieve)\n  b  (unable to retrieve)'),
    )
  })

  test('requests all keys before it waits for the first', async () => {
    const { command, keyring, storage } = setUp()
    const names = ['a', 'b', 'c', 'd', 'e']
    for (const name of names) await storage.saveKey(name, KEY)
    listWithoutPasswords(keyring)
    let asked = 0
    const answers: Array<(key: string) => void> = []
    keyring.getPassword = () => {
      asked += 1
      const answer = new Promise<string>((resolve) => answers.push(resolve))
      if (asked === names.length) for (const resolve of answers) resolve(KEY)
      return answer
    }
    expect(await command.run('list')).toEqual(
      info(`Saved keys:\n${names.map((name) => `  ${name}  sk********03`).join('\n')}`),
    )
    expect(asked).toBe(names.length)
  })
})

describe('R12 parse', () => {
  test('R27.2 recognizes every kind of invocation', () => {
    for (const [args, invocation] of [
      [' \n', { kind: 'status' }],
      [` save work  two  words\n`, { kind: 'save', name: 'work', key: 'two  words' }],
      [`save work "quoted' key`, { kind: 'save', name: 'work', key: `"quoted' key` }],
      ['load\u{a0}work', { kind: 'load', name: 'work' }],
      ['show work x', { kind: 'show', name: 'work' }],
      ['list', { kind: 'list' }],
      ['delete work', { kind: 'delete', name: 'work' }],
      ['Delete work', { kind: 'set', key: 'Delete work' }],
      ['NoNe', { kind: 'clear' }],
      ['load', { kind: 'missing-name', subcommand: 'load' }],
      ['save', { kind: 'missing-name', subcommand: 'save' }],
      ['save work ', { kind: 'missing-key', name: 'work' }],
      ['k'.repeat(2 ** 20), { kind: 'set', key: 'k'.repeat(2 ** 20) }],
    ] as const) {
      expect(KeyCommand.parse(args)).toEqual(invocation)
    }
  })
})

test('R12 for an unpaired surrogate, run returns an error message and parse throws a SecureStoreError', async () => {
  const { command } = setUp()
  const result = await command.run('save work sk-\ud83d')
  expect(result.type === 'message' && result.messageType).toBe('error')
  expect(() => KeyCommand.parse('\udc00')).toThrow(SecureStoreError)
})

test('R12 by default a command uses the process-wide storage', async () => {
  resetProviderKeyStorage()
  await new KeyCommand().run(`save default ${KEY}`)
  expect(await getProviderKeyStorage().getKey('default')).toBe(KEY)
  const file = path.join(process.env.HOME ?? '', '.llxprt', 'provider-keys', 'default.enc')
  expect(readFileSync(file, 'utf8')).not.toContain(KEY)
})

test('R12 arguments of a wrong type are TypeErrors', async () => {
  const { command } = setUp()
  const any = (value: unknown) => value as never
  for (const wrong of [undefined, null, 1, {}, Symbol('s')]) {
    expect(() => KeyCommand.parse(any(wrong))).toThrow(TypeError)
    await expect(command.run(any(wrong))).rejects.toThrow(TypeError)
    await expect(command.complete(any(wrong))).rejects.toThrow(TypeError)
  }
  for (const context of [null, 'x', { interactive: 1 }, { confirmed: 'yes' }, { raw: 7 }]) {
    await expect(command.run('list', any(context))).rejects.toThrow(TypeError)
  }
  for (const storage of [null, {}, 'x', new SecureStore('keys', { keytarLoader: noKeyring })]) {
    expect(() => new KeyCommand(any(storage))).toThrow(TypeError)
  }
})

describe('on a real keyring', () => {
  beforeAll(() => {
    process.env.DBUS_SESSION_BUS_ADDRESS = inject('keyringAddress')
    delete process.env.LLXPRT_DISABLE_OS_KEYRING
  })

  test('R13–R17 a key is saved, listed, loaded and deleted', async () => {
    const fallbackDir = newDirectory()
    const secureStore = new SecureStore(`key-command-${process.pid}`, { fallbackDir })
    const command = new KeyCommand(new ProviderKeyStorage({ secureStore }))
    expect(await command.run(`save work ${KEY}`)).toEqual(inKeyring('work'))
    expect(await command.run('list')).toEqual(info('Saved keys:\n  work  sk********03'))
    expect(await command.run('load work')).toMatchObject({ action: 'set', apiKey: KEY, name: 'work' })
    expect(await command.run('delete work', { confirmed: true })).toEqual(info("Deleted key 'work'"))
    expect(await command.run('list')).toEqual(noKeys)
  })
})
