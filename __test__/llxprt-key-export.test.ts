// `llxprt-key export` and `import`, with files in the age format, and the program `age` with the same files.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { SecureStore } from '@llxprt/securestore'
import { Encrypter } from 'age-encryption'
import { beforeAll, describe, expect, test } from 'vitest'
import { newDirectory, noKeyring } from './support/helpers'
import { ROOT } from './support/node'
import { done, failed, files, inFiles, LLXPRT_KEY_COMMAND, llxprtKey, Terminal } from './support/shell'

const PASSPHRASE = 'correct horse battery staple'
const UNUSUAL = 'two\nlines, "quotes" and 🔑'

type Home = ReturnType<typeof inFiles>

async function withKeys(keys: Record<string, string>): Promise<Home> {
  const env = inFiles()
  for (const [name, key] of Object.entries(keys)) expect((await llxprtKey(['save', name], env, key)).code).toBe(0)
  return env
}

/** Returns the keys that are saved. */
async function saved(env: Home): Promise<Record<string, string>> {
  const { keys } = JSON.parse((await llxprtKey(['list', '--json'], env)).stdout) as { keys: { name: string }[] }
  const read = async ({ name }: { name: string }) => [name, (await llxprtKey(['get', name], env)).stdout.slice(0, -1)]
  return Object.fromEntries(await Promise.all(keys.map(read)))
}

/** Types answers at the prompts of a command, and returns the terminal when the command ended. */
async function answer(command: string, env: Home, answers: [RegExp, string][]): Promise<Terminal> {
  const terminal = new Terminal(command, env)
  for (const [prompt, typed] of answers) {
    await terminal.shows(prompt)
    terminal.type(typed)
  }
  await terminal.ended
  return terminal
}

const KEYS = { openai: 'sk-first', 'anthropic-2': UNUSUAL, __proto__key: 'a' }
let source: Home
let exported: string
beforeAll(async () => {
  source = await withKeys(KEYS)
  exported = path.join(source.HOME, 'keys.age')
  writeFileSync(exported, await encrypted(Object.entries(KEYS).map(([name, key]) => ({ name, key }))))
})

/** Returns a file as export writes it, except that deriving its key is fast. */
async function encrypted(keys: unknown[]): Promise<Uint8Array> {
  const encrypter = new Encrypter()
  encrypter.setPassphrase(PASSPHRASE)
  encrypter.setScryptWorkFactor(10)
  return encrypter.encrypt(JSON.stringify({ version: 1, keys }))
}

describe('R10 llxprt-key export', () => {
  test('asks twice for the passphrase, shows none of it, and writes a file that age decrypts', async () => {
    const file = path.join(source.HOME, 'asked.age')
    const terminal = await answer(`${LLXPRT_KEY_COMMAND} export -o '${file}' openai anthropic-2`, source, [
      [/Enter a passphrase/, `${PASSPHRASE}\r`],
      [/Confirm the passphrase/, `${PASSPHRASE}\r`],
    ])
    expect(await terminal.ended).toBe(0)
    expect(terminal.screen).toMatch(/Exported 2 keys to .*asked\.age/)
    expect(terminal.screen).not.toContain('horse')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'latin1')).toMatch(/^age-encryption\.org\/v1\n-> scrypt \S+ \d+\n/)
    const plain = path.join(source.HOME, 'plain.json')
    const age = await answer(`age -d -o '${plain}' '${file}'`, source, [[/passphrase/, `${PASSPHRASE}\r`]])
    expect(await age.ended).toBe(0)
    const { openai, 'anthropic-2': anthropic } = KEYS
    const keys = [
      { name: 'openai', key: openai },
      { name: 'anthropic-2', key: anthropic },
    ]
    expect(JSON.parse(readFileSync(plain, 'utf8'))).toEqual({ version: 1, keys })
  })

  test('refuses two different passphrases, and an empty one', async () => {
    const file = path.join(source.HOME, 'never.age')
    const differing = await answer(`${LLXPRT_KEY_COMMAND} export -o '${file}'`, source, [
      [/Enter a passphrase/, 'one\r'],
      [/Confirm the passphrase/, 'other\r'],
    ])
    expect([await differing.ended, differing.screen]).toEqual([1, expect.stringContaining('passphrases do not match')])
    const cancelled = await answer(`${LLXPRT_KEY_COMMAND} export -o '${file}'`, source, [
      [/Enter a passphrase/, 'one\u0003'],
    ])
    expect([await cancelled.ended, cancelled.screen]).toEqual([130, expect.stringContaining('nothing was exported')])
    expect(await llxprtKey(['export', '-o', file], source, '\n')).toEqual(failed('The passphrase is empty.'))
    expect(existsSync(file)).toBe(false)
  })

  test('replaces an existing file only with --force, and leaves no other file behind', async () => {
    const env = await withKeys({ work: 'a key' })
    const folder = newDirectory()
    const file = path.join(folder, 'keys.age')
    writeFileSync(file, 'precious')
    expect(await llxprtKey(['export', '-o', file], env, PASSPHRASE)).toEqual(failed('keys.age already exists.'))
    expect(readFileSync(file, 'utf8')).toBe('precious')
    symlinkSync('nowhere', path.join(folder, 'link'))
    const link = ['export', '-o', path.join(folder, 'link')]
    expect(await llxprtKey(link, env, PASSPHRASE)).toEqual(failed('link already exists.'))
    expect((await llxprtKey(['export', '--force', '-o', file], env, PASSPHRASE)).code).toBe(0)
    expect(readFileSync(file, 'latin1')).toMatch(/^age-encryption/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    mkdirSync(path.join(folder, 'folder'))
    const onFolder = ['export', '--force', '-o', path.join(folder, 'folder')]
    expect(await llxprtKey(onFolder, env, PASSPHRASE)).toEqual(failed('Cannot write '))
    expect(readdirSync(folder).sort()).toEqual(['folder', 'keys.age', 'link'])
  })

  test('writes no file when a key is unknown or unreadable, or there are no keys', async () => {
    const file = path.join(source.HOME, 'never.age')
    const named = ['export', '-o', file, 'openai', 'missing']
    expect(await llxprtKey(named, source, PASSPHRASE)).toEqual(failed("Key 'missing' not found."))
    expect(await llxprtKey(['export', '-o', file], inFiles(), PASSPHRASE)).toEqual(failed('No saved keys to export'))
    const env = await withKeys({ good: 'a key', bad: 'a key' })
    writeFileSync(path.join(files(env.HOME), 'bad.enc'), 'damaged')
    expect(await llxprtKey(['export', '-o', file], env, PASSPHRASE)).toEqual(failed("Key 'bad' cannot be read"))
    expect(existsSync(file)).toBe(false)
  })

  test('leaves out what import would refuse, and names it', async () => {
    const env = await withKeys({ good: 'a key' })
    // Other programs may store any name and any text in the same service.
    const store = new SecureStore('llxprt-code-provider-keys', {
      fallbackDir: files(env.HOME),
      machineSecretPath: path.join(env.HOME, '.llxprt/machine_secret'),
      keyringLoader: noKeyring,
    })
    await store.set('two words', 'a key')
    await store.set('blank', ' \n')
    const file = path.join(env.HOME, 'keys.age')
    const { code, stderr } = await llxprtKey(['export', '-o', file], env, PASSPHRASE)
    const notice = "Not exported, because import would refuse them: 'blank', 'two words'."
    expect([code, stderr]).toEqual([0, `${notice}\nExported 1 key to ${file}\n`])
    expect((await llxprtKey(['import', file], inFiles(), PASSPHRASE)).stdout).toContain('Imported 1: 1 new')
    await store.delete('good')
    const refused = await llxprtKey(['export', '-o', `${file}2`], env, PASSPHRASE)
    expect([refused, existsSync(`${file}2`)]).toEqual([failed('No saved keys to export'), false])
  })

  test('writes to standard output without --output, but not to a terminal', async () => {
    const terminal = new Terminal(`${LLXPRT_KEY_COMMAND} export`, source)
    await terminal.shows(/not printed on a terminal\.\r\nPass --output FILE/)
    expect(await terminal.ended).toBe(1)
    const { code, stdout, stderr } = await llxprtKey(['export', 'openai'], source, PASSPHRASE)
    expect([code, stdout.startsWith('age-encryption.org/v1\n'), stderr]).toEqual([0, true, 'Exported 1 key\n'])
  })
})

describe('R10 llxprt-key import', () => {
  test('restores exported keys, and lists which are new, the same and different', async () => {
    const env = await withKeys({ openai: 'sk-first', 'anthropic-2': 'another key', mine: 'untouched' })
    const terminal = await answer(`${LLXPRT_KEY_COMMAND} import '${exported}'`, env, [
      [/passphrase/, `${PASSPHRASE}\r`],
      [/Overwrite 'anthropic-2'\? \[y\/N\] /, 'y\n'],
    ])
    expect(await terminal.ended).toBe(0)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
    const text = terminal.screen.replace(/\u001b\[\d*m/g, '')
    expect(text).toMatch(/different {2}anthropic-2\r\n/)
    expect(text).toMatch(/same {7}openai\r\n/)
    expect(text).toMatch(/new {8}__proto__key\r\n/)
    expect(text).toContain('Imported 2: 1 new, 1 overwritten, 1 unchanged')
    expect(terminal.screen).not.toMatch(/horse|sk-first|another key/)
    expect(await saved(env)).toEqual({ ...KEYS, mine: 'untouched' })
  })

  test('changes nothing without a yes, and needs --force if it cannot ask', async () => {
    const before = { openai: 'another key' }
    const env = await withKeys(before)
    const terminal = await answer(`${LLXPRT_KEY_COMMAND} import '${exported}'`, env, [
      [/passphrase/, `${PASSPHRASE}\r`],
      [/Overwrite 'openai'\?/, 'n\n'],
    ])
    expect([await terminal.ended, terminal.screen]).toEqual([1, expect.stringContaining('Nothing was imported.')])
    const piped = await llxprtKey(['import', exported], env, PASSPHRASE)
    expect(piped).toMatchObject({ code: 1, stderr: expect.stringContaining("it would overwrite 'openai'.") })
    expect(await saved(env)).toEqual(before)
    expect((await llxprtKey(['import', '--force', exported], env, PASSPHRASE)).code).toBe(0)
    expect(await saved(env)).toEqual(KEYS)
  })

  test('reads a file that age encrypted, binary and armored', async () => {
    const plain = path.join(source.HOME, 'mine.json')
    writeFileSync(plain, JSON.stringify({ version: 1, keys: [{ name: 'mine', key: UNUSUAL }] }))
    for (const armor of ['', '-a']) {
      const env = inFiles()
      const file = path.join(env.HOME, 'mine.age')
      const age = await answer(`age -p ${armor} -o '${file}' '${plain}'`, env, [
        [/Enter passphrase/, `${PASSPHRASE}\r`],
        [/Confirm passphrase/, `${PASSPHRASE}\r`],
      ])
      expect(await age.ended).toBe(0)
      expect((await llxprtKey(['import', file], env, PASSPHRASE)).stdout).toContain('Imported 1: 1 new')
      expect(await saved(env)).toEqual({ mine: UNUSUAL })
    }
  })

  test('restores every key when one cannot be saved', async () => {
    const before = { openai: 'another key', mine: 'untouched' }
    const env = await withKeys(before)
    // Saving fails for the last key of the file.
    const faults = path.join(env.HOME, 'faults.cjs')
    const code = `const { ProviderKeyStorage, SecureStoreError } = require(${JSON.stringify(ROOT)})
      const { saveKey } = ProviderKeyStorage.prototype
      let saves = 0
      ProviderKeyStorage.prototype.saveKey = function (name, key) {
        saves += 1
        if (saves === 3) throw new SecureStoreError('No space left.', 'UNAVAILABLE', 'Free some space.')
        return saveKey.call(this, name, key)
      }`
    writeFileSync(faults, code)
    const refused = await llxprtKey(['import', '--force', exported], env, PASSPHRASE, faults)
    expect(refused).toMatchObject({
      code: 1,
      stderr: 'llxprt-key: Nothing was imported: No space left.\nFree some space.\n',
    })
    expect(await saved(env)).toEqual(before)
    expect(readdirSync(files(env.HOME)).filter((name) => name.endsWith('.enc'))).toEqual(['mine.enc', 'openai.enc'])
  })

  test('restores every key when a signal interrupts it', async () => {
    const before = { openai: 'another key' }
    const env = await withKeys(before)
    const faults = path.join(env.HOME, 'faults.cjs')
    const code = `const { ProviderKeyStorage } = require(${JSON.stringify(ROOT)})
      const { saveKey } = ProviderKeyStorage.prototype
      ProviderKeyStorage.prototype.saveKey = async function (name, key) {
        await saveKey.call(this, name, key)
        // A signal handler does not keep the process alive.
        const alive = setInterval(() => {}, 1000)
        const handled = new Promise((resolve) => process.once('SIGINT', resolve))
        process.kill(process.pid, 'SIGINT')
        await handled
        clearInterval(alive)
      }`
    writeFileSync(faults, code)
    const interrupted = await llxprtKey(['import', '--force', exported], env, PASSPHRASE, faults)
    expect(interrupted).toMatchObject({
      code: 130,
      stderr: 'llxprt-key: Nothing was imported: Interrupted by SIGINT.\n',
    })
    expect(await saved(env)).toEqual(before)
  })

  test('replaces a damaged key', async () => {
    const env = await withKeys({ openai: 'sk-first' })
    writeFileSync(path.join(files(env.HOME), 'openai.enc'), 'damaged')
    expect((await llxprtKey(['import', exported], env, PASSPHRASE)).code).toBe(1)
    const { code, stdout } = await llxprtKey(['import', '--force', exported], env, PASSPHRASE)
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^damaged {2}openai$/m)])
    expect(await saved(env)).toEqual(KEYS)
  })

  test('changes nothing for a wrong passphrase or a damaged file', async () => {
    const env = inFiles()
    expect(await llxprtKey(['import', exported], env, 'wrong')).toEqual(failed('the passphrase is wrong'))
    const torn = path.join(env.HOME, 'torn.age')
    writeFileSync(torn, readFileSync(exported))
    truncateSync(torn, statSync(exported).size - 1)
    expect(await llxprtKey(['import', torn], env, PASSPHRASE)).toEqual(failed('the file is damaged'))
    expect(await llxprtKey(['import', 'missing.age'], env, PASSPHRASE)).toEqual(
      failed('Cannot read missing.age (ENOENT).'),
    )
    const text = path.join(env.HOME, 'notes.txt')
    writeFileSync(text, 'hello')
    expect(await llxprtKey(['import', text], env, PASSPHRASE)).toEqual(failed('notes.txt is not an age file.'))
    writeFileSync(text, 'age-encryption.org/v1\n-> X25519 abc\n')
    expect(await llxprtKey(['import', text], env, PASSPHRASE)).toEqual(failed('not encrypted with a passphrase'))
    expect(await saved(env)).toEqual({})
  })
})

describe('R10 llxprt-key import checks all keys before it saves one', () => {
  const { parseKeys } = require(path.join(ROOT, 'bin/lib/key-file.js')) as {
    parseKeys(text: string, file: string): unknown
  }
  const file = (...keys: unknown[]) => JSON.stringify({ version: 1, keys })
  const good = { name: 'good', key: 'a key' }

  test.each([
    ['no JSON', 'hello', 'does not contain exported keys'],
    ['another JSON', '{"keys":{}}', 'does not contain exported keys'],
    ['null', 'null', 'does not contain exported keys'],
    ['a later version', '{"version":2,"keys":[]}', 'exported by a newer version'],
    ['an invalid name', file(good, { name: '../x', key: 'a' }), 'entry 2 has no valid name'],
    ['no name', file(good, null), 'entry 2 has no valid name'],
    ['no key', file(good, { name: 'bad', key: ' ' }), "entry 2 ('bad') has no key"],
    ['a number as a key', file(good, { name: 'bad', key: 7 }), "entry 2 ('bad') has no key"],
    ['a name twice', file(good, good), "entry 2 has the same name as an earlier entry, 'good'"],
  ])('%s', (_, text, message) => {
    expect(() => parseKeys(text, 'keys.age')).toThrow(`keys.age`)
    expect(() => parseKeys(text, 'keys.age')).toThrow(message)
  })

  test('and accepts the names of special properties', () => {
    expect(parseKeys(file({ name: '__proto__', key: ' a ' }), 'keys.age')).toEqual([{ name: '__proto__', key: 'a' }])
  })
})

describe('R10 llxprt-key import --from-env', () => {
  const CONTENT = `# comment
OPENAI_API_KEY=sk-plain # comment
export GEMINI_API_KEY="in double quotes"
ANTHROPIC_API_KEY = 'in # quotes'
MISTRAL_API_KEY=first
MISTRAL_API_KEY=last
GROQ_API_KEY=
ACME_API_KEY=unknown provider
PORT=8080
`

  test('imports the keys of known providers and names the lines to remove, without changing the file', async () => {
    const env = await withKeys({ openai: 'another key' })
    const file = path.join(env.HOME, '.env')
    writeFileSync(file, CONTENT)
    expect((await llxprtKey(['import', '--from-env', file], env)).stderr).toContain("it would overwrite 'openai'.")
    const { code, stdout, stderr } = await llxprtKey(['import', '--from-env', file, '--force'], env)
    expect(code).toBe(0)
    expect(stdout).toBe(
      'different  openai\nnew        gemini\nnew        anthropic\nnew        mistral\n' +
        'Imported 4: 3 new, 1 overwritten, 0 unchanged\n',
    )
    expect(stderr).toContain('Not imported, because the provider is unknown: ACME_API_KEY.')
    const lines = 'line 2 (OPENAI_API_KEY), line 3 (GEMINI_API_KEY), line 4 (ANTHROPIC_API_KEY)'
    expect(stderr).toContain(`Remove them there: ${lines}, line 5 (MISTRAL_API_KEY), line 6 (MISTRAL_API_KEY).`)
    expect(readFileSync(file, 'utf8')).toBe(CONTENT)
    expect(await saved(env)).toEqual({
      anthropic: 'in # quotes',
      gemini: 'in double quotes',
      mistral: 'last',
      openai: 'sk-plain',
    })
  })

  test('fails for a file without keys of known providers', async () => {
    const env = inFiles()
    const file = path.join(env.HOME, '.env')
    writeFileSync(file, 'PORT=8080\n')
    expect(await llxprtKey(['import', '--from-env', file], env)).toEqual(failed('no API key of a known provider'))
    expect(await llxprtKey(['import', '--from-env', file, 'another'], env)).toEqual(failed('Too many arguments.', 2))
    expect(await llxprtKey(['list'], env)).toEqual(done(expect.stringContaining('No saved keys')))
  })
})
