// `resolveApiKey` and `parseKeyArgs`: which API key a session uses.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  AUTH_EPHEMERAL_SETTINGS,
  type AuthSources,
  getProviderKeyStorage,
  ProviderKeyStorage,
  parseKeyArgs,
  type ResolvedApiKey,
  resetProviderKeyStorage,
  resolveApiKey,
  SecureStore,
  SecureStoreError,
} from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { FakeKeyring, newDirectory, storageError } from './support/helpers'

const HOME = process.env.HOME ?? ''
const SERVICE = 'llxprt-code-provider-keys'

/** For arguments that the types forbid. */
const any = (value: unknown) => value as never

/** Matches exactly this text, or a pattern. */
const like = (text: string | RegExp) => (typeof text === 'string' ? text : expect.stringMatching(text))

/** Saves keys in a keyring that records its calls. */
function setUp() {
  const keyring = new FakeKeyring()
  keyring.entries.set(`${SERVICE}/by-flag`, 'MARK-named-by-flag')
  keyring.entries.set(`${SERVICE}/by-profile`, 'MARK-named-by-profile')
  const secureStore = new SecureStore(SERVICE, { fallbackDir: newDirectory(), keytarLoader: keyring.loader })
  writeFileSync(path.join(HOME, 'flag.key'), '\ufeff MARK-file-of-flag\r\n')
  writeFileSync(path.join(HOME, 'profile.key'), 'MARK-file-of-profile\n')
  return { keyring, storage: new ProviderKeyStorage({ secureStore }) }
}

/** The sources in the order of precedence, each with the expected result if it is the highest that is present. */
const EXPECTED: Array<{ ignored: string; used: string; result: Omit<ResolvedApiKey, 'diagnostics'> }> = [
  {
    ignored: '--key',
    used: '--key (raw CLI flag)',
    result: {
      apiKey: 'MARK-flag',
      source: 'key',
      reference: null,
      ephemeral: { 'auth-key': 'MARK-flag', 'auth-key-name': null, 'auth-keyfile': null },
    },
  },
  {
    ignored: '--key-name',
    used: "--key-name 'by-flag' (keyring)",
    result: {
      apiKey: 'MARK-named-by-flag',
      source: 'key-name',
      reference: 'by-flag',
      ephemeral: { 'auth-key': null, 'auth-key-name': 'by-flag', 'auth-keyfile': null },
    },
  },
  {
    ignored: 'profile auth-key-name',
    used: "profile 'work' auth-key-name 'by-profile' (keyring)",
    result: {
      apiKey: 'MARK-named-by-profile',
      source: 'profile-key-name',
      reference: 'by-profile',
      ephemeral: { 'auth-key': null, 'auth-key-name': 'by-profile', 'auth-keyfile': null },
    },
  },
  {
    ignored: '--keyfile',
    used: "--keyfile '~/flag.key'",
    result: {
      apiKey: 'MARK-file-of-flag',
      source: 'keyfile',
      reference: '~/flag.key',
      ephemeral: { 'auth-key': null, 'auth-key-name': null, 'auth-keyfile': '~/flag.key' },
    },
  },
  {
    ignored: 'profile auth-keyfile',
    used: "profile 'work' auth-keyfile '~/profile.key'",
    result: {
      apiKey: 'MARK-file-of-profile',
      source: 'profile-keyfile',
      reference: '~/profile.key',
      ephemeral: { 'auth-key': null, 'auth-key-name': null, 'auth-keyfile': '~/profile.key' },
    },
  },
  {
    ignored: 'profile auth-key',
    used: "profile 'work' auth-key",
    result: {
      apiKey: 'MARK-profile',
      source: 'profile-key',
      reference: null,
      ephemeral: { 'auth-key': 'MARK-profile', 'auth-key-name': null, 'auth-keyfile': null },
    },
  },
  {
    ignored: 'environment variable GEMINI_API_KEY',
    used: 'environment variable GEMINI_API_KEY',
    result: { apiKey: 'MARK-environment', source: 'environment', reference: 'GEMINI_API_KEY', ephemeral: {} },
  },
]

const NOTHING: ResolvedApiKey = { apiKey: null, source: 'none', reference: null, ephemeral: {}, diagnostics: [] }

/** All 128 sets of sources, by their places in the order of precedence. */
const COMBINATIONS = Array.from({ length: 128 }, (_, bits) =>
  [0, 1, 2, 3, 4, 5, 6].filter((place) => (bits & (1 << place)) !== 0),
)

/** The sources at these places. */
function sourcesAt(places: number[]): AuthSources {
  const at = (place: number, text: string) => (places.includes(place) ? text : undefined)
  return {
    key: at(0, 'MARK-flag'),
    keyName: at(1, 'by-flag'),
    keyfile: at(3, '~/flag.key'),
    profile: {
      name: 'work',
      'auth-key-name': at(2, 'by-profile'),
      'auth-keyfile': at(4, '~/profile.key'),
      'auth-key': at(5, 'MARK-profile'),
    },
    env: { GEMINI_API_KEY: at(6, 'MARK-environment'), OTHER: 'MARK-other' },
    envNames: ['GEMINI_API_KEY'],
  }
}

describe('resolveApiKey', () => {
  test.each(COMBINATIONS.map((places) => [places.map((place) => EXPECTED[place]?.ignored).join(', ') || 'no', places]))(
    'R27.3 with %s source present, the highest wins and every other one is named',
    async (_, places) => {
      const { keyring, storage } = setUp()
      const resolved = await resolveApiKey(sourcesAt(places), storage)
      const [used, ...ignored] = places.flatMap((place) => EXPECTED[place] ?? [])
      const diagnostics = used && [
        `[auth] Using API key from: ${used.used}`,
        ...ignored.map((source) => `[auth] Ignoring ${source.ignored} (overridden by ${used.ignored})`),
      ]
      expect(resolved).toStrictEqual(used && diagnostics ? { ...used.result, diagnostics } : NOTHING)
      expect(JSON.stringify([resolved.diagnostics, resolved.reference])).not.toContain('MARK')
      // R23: the storage is read only for a named key that is the highest source.
      expect(keyring.calls.length > 0).toBe(!places.includes(0) && (places.includes(1) || places.includes(2)))
    },
  )

  // The place of the source that fails, how it fails, the code, and the message.
  const failures: Array<[number, string, Partial<AuthSources>, string, string | RegExp]> = [
    [1, 'an empty --key-name', { keyName: '' }, 'CORRUPT', '--key-name requires a value'],
    [
      1,
      'a --key-name that is not saved',
      { keyName: 'gone' },
      'NOT_FOUND',
      "Named key 'gone' not found. Use '/key save gone <key>' to store it.",
    ],
    [
      1,
      'an invalid --key-name',
      { keyName: 'a b' },
      'CORRUPT',
      "Key name 'a b' is invalid. Use only letters, numbers, dashes, underscores, and dots (1-64 chars).",
    ],
    [
      2,
      'an auth-key-name that is not saved',
      { profile: { 'auth-key-name': 'gone' } },
      'NOT_FOUND',
      "Named key 'gone' not found. Use '/key save gone <key>' to store it.",
    ],
    [2, 'an invalid auth-key-name', { profile: { 'auth-key-name': '../k' } }, 'CORRUPT', /^Key name '\.\.\/k' is/],
    [3, 'a --keyfile that is not there', { keyfile: '~/gone' }, 'NOT_FOUND', /'~\/gone'.*there is no such file$/],
    [
      4,
      'an auth-keyfile that is empty',
      { profile: { 'auth-keyfile': '~/empty' } },
      'CORRUPT',
      /'~\/empty'.*the file is empty$/,
    ],
    [4, 'an auth-keyfile that is a directory', { profile: { 'auth-keyfile': HOME } }, 'UNAVAILABLE', /regular file$/],
  ]
  test.each(failures)(
    'R24 at place %i, %s is final, whichever lower sources are present',
    async (place, _, broken, code, message) => {
      const { storage } = setUp()
      writeFileSync(path.join(HOME, 'empty'), ' \n')
      for (const below of COMBINATIONS.filter((places) => places.every((other) => other > place))) {
        const sources = sourcesAt(below)
        const given = { ...sources, ...broken, profile: { ...sources.profile, ...broken.profile } }
        const error = await storageError(resolveApiKey(given, storage))
        expect(error).toMatchObject({ code, exitCode: 41, message: like(message) })
        expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain('MARK')
      }
    },
  )

  test.each([
    ['Keychain is locked', 'LOCKED'],
    ['Access denied', 'DENIED'],
    ['The call timed out', 'TIMEOUT'],
  ])('R24 a keyring that fails (%s) is final, and the message says which key it was', async (failure, code) => {
    const { keyring, storage } = setUp()
    keyring.failure = new Error(failure)
    for (const places of [[1], [2], [1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6]]) {
      const error = await storageError(resolveApiKey(sourcesAt(places), storage))
      expect(error).toMatchObject({ code, exitCode: 41 })
      expect(error.message).toContain(places[0] === 1 ? "'by-flag'" : "'by-profile'")
      expect(error.message).toContain(failure)
    }
  })

  test('R23 without a storage it uses the process-wide instance, and creates it only for a named key', async () => {
    const later = newDirectory()
    resetProviderKeyStorage()
    expect((await resolveApiKey({ key: 'sk' })).apiKey).toBe('sk')
    // An instance that was created before this line would use the former home directory.
    process.env.HOME = process.env.USERPROFILE = later
    try {
      await getProviderKeyStorage().saveKey('saved', 'sk-saved')
      expect((await resolveApiKey({ keyName: 'saved' })).apiKey).toBe('sk-saved')
      expect((await resolveApiKey({ keyName: 'saved' }, any(null))).reference).toBe('saved')
      expect(readdirSync(path.join(later, '.llxprt', 'provider-keys'))).toContain('saved.enc')
    } finally {
      process.env.HOME = process.env.USERPROFILE = HOME
      resetProviderKeyStorage()
    }
  })

  test('R23 the environment is process.env by default, and only the listed names are read', async () => {
    process.env.SECURESTORE_TEST_KEY = 'sk-env'
    const { apiKey, source } = await resolveApiKey({ envNames: ['ABSENT', 'SECURESTORE_TEST_KEY'] })
    expect([apiKey, source]).toEqual(['sk-env', 'environment'])
    expect(await resolveApiKey({ env: process.env })).toEqual(NOTHING)
    expect(await resolveApiKey({ env: {}, envNames: ['SECURESTORE_TEST_KEY'] })).toEqual(NOTHING)
    delete process.env.SECURESTORE_TEST_KEY
  })

  test('R26 null, undefined and blank text in a profile or the environment count as absent', async () => {
    const blank = { name: '', 'auth-key-name': '', 'auth-keyfile': ' ', 'auth-key': '\t' }
    const cases: AuthSources[] = [
      {},
      { key: null, keyName: null, keyfile: null, profile: null, env: null, envNames: null },
      {
        key: undefined,
        keyName: undefined,
        keyfile: undefined,
        profile: undefined,
        env: undefined,
        envNames: undefined,
      },
      { profile: blank, env: { A: '', B: ' ' }, envNames: ['A', 'B'] },
    ]
    for (const sources of cases) expect(await resolveApiKey(sources)).toStrictEqual(NOTHING)
  })

  test('R26 a relative path of a key file starts at the current directory', async () => {
    const directory = newDirectory()
    mkdirSync(path.join(directory, 'sub'))
    writeFileSync(path.join(directory, 'sub', 'k'), 'sk-relative')
    const program = `
      const { resolveApiKey } = require(${JSON.stringify(path.resolve('index.js'))})
      process.chdir(${JSON.stringify(directory)})
      const resolving = resolveApiKey({ keyfile: path.join('sub', 'k') })
      process.chdir('/')
      resolving.then(({ apiKey, reference }) => console.log(apiKey, reference))`
    const options = { encoding: 'utf8' } as const
    expect(execFileSync(process.execPath, ['-e', program], options)).toBe(`sk-relative ${path.join('sub', 'k')}\n`)
  })

  test('R1 an argument of the wrong type rejects with a TypeError that names it, never its value', async () => {
    const wrong: Array<[unknown, unknown, RegExp]> = [
      [undefined, undefined, /^sources must be an object, not undefined$/],
      [null, undefined, /^sources must be an object, not null$/],
      ['MARK', undefined, /^sources must be an object, not a string$/],
      [{ key: ['MARK'] }, undefined, /^sources\.key must be a string, not an object$/],
      [{ profile: 'MARK' }, undefined, /^sources\.profile must be an object, not a string$/],
      [{ profile: { 'auth-key': 7 } }, undefined, /^sources\.profile\.auth-key must be a string, not a number$/],
      [{ envNames: 'MARK' }, undefined, /^sources\.envNames must be an array of strings, not a string$/],
      [{ envNames: [7] }, undefined, /^sources\.envNames\[0\] must be a string, not a number$/],
      [{ env: { A: 7 }, envNames: ['A'] }, undefined, /^sources\.env\.A must be a string, not a number$/],
      [
        { key: 'MARK' },
        { getKey: () => 'MARK' },
        /^storage must be an object with the methods of a ProviderKeyStorage$/,
      ],
    ]
    for (const [sources, storage, message] of wrong) {
      const rejected = resolveApiKey(any(sources), any(storage))
      await expect(rejected).rejects.toBeInstanceOf(TypeError)
      await expect(rejected).rejects.toThrow(message)
    }
  })

  test('R1 resolveApiKey rejects with the error that the getter of a source throws', async () => {
    const sources = {
      get key(): string {
        throw new RangeError('no key today')
      },
    }
    await expect(resolveApiKey(sources)).rejects.toThrow(new RangeError('no key today'))
  })

  test('R3 a key with an unpaired surrogate is refused', async () => {
    expect(await storageError(resolveApiKey({ key: 'a\ud800' }))).toMatchObject({ code: 'CORRUPT', exitCode: 41 })
  })
})

describe('parseKeyArgs', () => {
  const nothing = { keyOverride: null, keyNameOverride: null, keyfileOverride: null }

  test.each<[string[], Partial<typeof nothing> | Record<string, string>]>([
    [[], {}],
    [['chat', '--model', 'm', '-k', 'x', '--keys', 'y'], {}],
    [['--key', 'sk'], { keyOverride: 'sk' }],
    [['--key=sk=='], { keyOverride: 'sk==' }],
    [['--key=-sk'], { keyOverride: '-sk' }],
    [['--key-name', 'work', 'prompt'], { keyNameOverride: 'work' }],
    [['--key-name=work'], { keyNameOverride: 'work' }],
    [['--keyfile', '~/k', '--key', 'sk'], { keyOverride: 'sk', keyfileOverride: '~/k' }],
    [['--key', 'a', '--key', 'b'], { keyOverride: 'b' }],
    [['--', '--key', 'sk'], {}],
    [['--key', '', '--keyfile='], {}],
    [['--key-name', ' work '], { keyNameOverride: 'work' }],
  ])('R22 finds the flags in %j', (argv, found) => {
    expect(parseKeyArgs(argv)).toStrictEqual({ ...nothing, ...found })
  })

  test.each(['--key', '--key-name', '--keyfile'])('R22 %s without a value throws an error that names it', (flag) => {
    const empty = flag === '--key-name' ? [[flag, ''], [`${flag}= `]] : []
    for (const argv of [[flag], [flag, '--model'], [flag, '-m'], ['--key=MARK', flag, '--', 'x'], ...empty]) {
      const parse = () => parseKeyArgs(argv)
      expect(parse).toThrow(SecureStoreError)
      expect(parse).toThrow(expect.objectContaining({ message: `${flag} requires a value`, exitCode: 41 }))
    }
  })

  test('R22 an empty --key and --keyfile count as absent in resolveApiKey, too', async () => {
    const resolved = await resolveApiKey({ key: '', keyfile: ' ', env: { A: 'sk' }, envNames: ['A'] })
    expect(resolved).toMatchObject({ apiKey: 'sk', source: 'environment' })
  })

  test('R1 anything but an array of strings throws a TypeError', () => {
    for (const argv of [undefined, null, 'MARK', {}, { length: 1 }, [7], ['--key', null]]) {
      expect(() => parseKeyArgs(any(argv))).toThrow(TypeError)
      expect(() => parseKeyArgs(any(argv))).toThrow(/^argv/)
    }
  })
})

test('R21.2 the ephemeral settings are those of AUTH_EPHEMERAL_SETTINGS, which is frozen', async () => {
  expect(AUTH_EPHEMERAL_SETTINGS).toEqual(['auth-key-name', 'auth-keyfile', 'auth-key'])
  expect(Object.isFrozen(AUTH_EPHEMERAL_SETTINGS)).toBe(true)
  const { ephemeral } = await resolveApiKey({ key: 'sk' })
  expect(Object.keys(ephemeral).sort()).toEqual([...AUTH_EPHEMERAL_SETTINGS].sort())
})

test('R6 an error of another function than resolveApiKey has no exit code', async () => {
  const error = await storageError(setUp().storage.getKey('a b'))
  expect(error).not.toHaveProperty('exitCode')
})
