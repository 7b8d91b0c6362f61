// `llxprt-key` through pipes, with encrypted files.

import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { valueFiles } from './support/helpers'
import { ROOT } from './support/node'
import { done, failed, files, inFiles, LLXPRT_KEY, llxprtKey, outcome, startLlxprtKey } from './support/shell'

const KEY = 'piped-and-never-shown-0123'
const MASKED = `pi${'*'.repeat(KEY.length - 4)}23`

async function save(env: NodeJS.ProcessEnv, ...names: string[]) {
  for (const name of names) expect((await llxprtKey(['save', name], env, KEY)).code).toBe(0)
}

describe('R13 llxprt-key save', () => {
  test('saves all of standard input, trimmed', async () => {
    const env = inFiles()
    expect(await llxprtKey(['save', 'work'], env, `\ufeff ${KEY}\r\n`)).toEqual(
      done(`Saved key 'work' (${MASKED}) in an encrypted file because the keyring is unavailable\n`),
    )
    expect(await llxprtKey(['show', 'work'], env)).toEqual(done(`work: ${MASKED} (${KEY.length} chars)\n`))
    expect(valueFiles(files(env.HOME))).toEqual(['work.enc'])
  })

  test('overwrites only with --force where it cannot ask', async () => {
    const env = inFiles()
    await save(env, 'work')
    expect(await llxprtKey(['save', 'work'], env, 'another key')).toEqual(failed("Key 'work' already exists."))
    expect((await llxprtKey(['show', 'work'], env)).stdout).toContain(MASKED)
    expect((await llxprtKey(['save', 'work', '--force'], env, 'another key')).code).toBe(0)
    expect((await llxprtKey(['show', 'work'], env)).stdout).toContain('(11 chars)')
  })

  test('overwrites a damaged key only with --force', async () => {
    const env = inFiles()
    await save(env, 'work')
    writeFileSync(path.join(files(env.HOME), 'work.enc'), 'damaged')
    expect((await llxprtKey(['save', 'work'], env, KEY)).code).toBe(1)
    expect((await llxprtKey(['save', 'work', '--force'], env, KEY)).code).toBe(0)
    expect((await llxprtKey(['show', 'work'], env)).stdout).toContain(MASKED)
  })

  test.each([
    ['empty input', '', 'API key value cannot be empty.'],
    ['white space', ' \n\t', 'API key value cannot be empty.'],
    ['input that is not UTF-8', new Uint8Array([0x61, 0xff]), 'The input is not valid UTF-8.'],
    ['input that is too large', 'x'.repeat(1024 * 1024 + 1), 'Standard input is larger than 1 MiB.'],
  ])('rejects %s', async (_, input, message) => {
    const env = inFiles()
    expect(await llxprtKey(['save', 'work'], env, input)).toEqual(failed(message))
    expect((await llxprtKey(['list'], env)).stdout).toMatch(/^No saved keys/)
  })

  test('R9 accepts no key as an argument, and does not repeat one in an error', async () => {
    const env = inFiles()
    const secret = 'put-in-the-wrong-place'
    for (const args of [
      ['save', 'work', secret],
      ['save', 'work', `--key=${secret}`],
      ['save', 'work', `--force=${secret}`],
      ['save', `${secret}!`],
      ['save', secret.repeat(4)],
      ['show', 'work', secret],
      [secret],
      [`--${secret}`],
      ['--version', secret],
    ]) {
      const refused = await llxprtKey(args, env, KEY)
      expect(refused, args.join(' ')).toEqual(failed('--help', 2))
      expect(refused.stderr).not.toContain(secret)
    }
    expect((await llxprtKey(['list'], env)).stdout).toMatch(/^No saved keys/)
  })
})

describe('R16 llxprt-key list', () => {
  test('shows the keys masked and sorted, including one that cannot be read', async () => {
    const env = inFiles()
    await save(env, 'b', 'long-name', 'a')
    writeFileSync(path.join(files(env.HOME), 'b.enc'), 'damaged')
    expect(await llxprtKey(['list'], env)).toEqual(
      done(`a          ${MASKED}\nb          (unable to retrieve)\nlong-name  ${MASKED}\n`),
    )
  })

  test('--json prints names and places, and no part of a key', async () => {
    const env = inFiles()
    expect(JSON.parse((await llxprtKey(['list', '--json'], env)).stdout)).toEqual({ keys: [] })
    await save(env, 'a', 'b.')
    writeFileSync(path.join(files(env.HOME), 'a.enc'), 'damaged')
    const { code, stdout } = await llxprtKey(['list', '--json'], env)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      keys: [
        { name: 'a', place: 'file', readable: false },
        { name: 'b.', place: 'file', readable: true },
      ],
    })
  })

  test('prints no control characters of a key', async () => {
    const env = inFiles()
    expect((await llxprtKey(['save', 'work'], env, '\u0007\u001b]0;title\u0007 and more\u0085\u009b')).code).toBe(0)
    for (const command of [['list'], ['show', 'work']]) {
      const { stdout } = await llxprtKey(command, env)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
      expect(stdout.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
    }
  })

  test('succeeds when its reader stops reading', async () => {
    const env = inFiles()
    await save(env, 'work')
    const child = startLlxprtKey(['list'], env)
    child.stdout.destroy()
    expect(await outcome(child)).toMatchObject({ code: 0, stderr: '' })
  })

  test('fails when its output cannot be written', async () => {
    const full = openSync('/dev/full', 'w')
    const list = spawnSync(process.execPath, [LLXPRT_KEY, 'list'], {
      env: { ...process.env, ...inFiles() },
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    })
    closeSync(full)
    expect([list.status, list.stderr]).toEqual([1, 'llxprt-key: Cannot write to standard output (ENOSPC).\n'])
  })
})

test('R15 llxprt-key show reports an unknown name', async () => {
  expect(await llxprtKey(['show', 'work'], inFiles())).toEqual(
    failed("llxprt-key: Key 'work' not found.\nRun 'llxprt-key list' to see saved keys.\n"),
  )
})

test('R17 llxprt-key delete requires --force where it cannot ask, and deletes a damaged key', async () => {
  const env = inFiles()
  await save(env, 'work', 'damaged')
  writeFileSync(path.join(files(env.HOME), 'damaged.enc'), 'damaged')
  expect(await llxprtKey(['delete', 'work'], env, 'y\n')).toEqual(
    failed('Not a terminal: pass --force to delete without asking.'),
  )
  expect(await llxprtKey(['delete', 'missing', '--force'], env)).toEqual(failed("Key 'missing' not found."))
  expect(await llxprtKey(['delete', 'missing'], env)).toEqual(failed("Key 'missing' not found."))
  expect(await llxprtKey(['delete', 'work', '--force'], env)).toEqual(done("Deleted key 'work'\n"))
  expect(await llxprtKey(['delete', 'damaged', '--force'], env)).toEqual(done("Deleted key 'damaged'\n"))
  expect(valueFiles(files(env.HOME))).toEqual([])
})

describe('R10 llxprt-key rename', () => {
  const names = async (env: NodeJS.ProcessEnv) => (await llxprtKey(['list'], env)).stdout.match(/^\S+/gm)

  test('renames a key', async () => {
    const env = inFiles()
    await save(env, 'old')
    expect(await llxprtKey(['rename', 'old', 'new'], env)).toEqual(done("Renamed key 'old' to 'new'\n"))
    expect(await llxprtKey(['list'], env)).toEqual(done(`new  ${MASKED}\n`))
    expect(await llxprtKey(['rename', 'old', 'new'], env)).toEqual(failed("Key 'old' not found."))
    expect(await llxprtKey(['rename', 'new', 'new'], env)).toEqual(
      failed('The new name is the same as the old one.', 2),
    )
    expect(await llxprtKey(['rename', 'new', 'a/b'], env)).toEqual(failed('Invalid key name.', 2))
    expect(await names(env)).toEqual(['new'])
  })

  test('overwrites only with --force, and never an entry that may be the key itself', async () => {
    const env = inFiles()
    await save(env, 'old', 'OLD')
    expect((await llxprtKey(['save', 'new'], env, 'another key')).code).toBe(0)
    expect(await llxprtKey(['rename', 'old', 'new'], env)).toEqual(failed("Key 'new' already exists."))
    expect(await names(env)).toEqual(['OLD', 'new', 'old'])
    expect(await llxprtKey(['rename', 'old', 'OLD', '--force'], env)).toEqual(failed('some systems ignore case'))
    expect(await names(env)).toEqual(['OLD', 'new', 'old'])
    expect((await llxprtKey(['rename', 'old', 'new', '--force'], env)).code).toBe(0)
    expect(await names(env)).toEqual(['OLD', 'new'])
    expect((await llxprtKey(['show', 'new'], env)).stdout).toContain(MASKED)
    expect((await llxprtKey(['rename', 'new', 'NEW'], env)).code).toBe(0)
    expect(await names(env)).toEqual(['NEW', 'OLD'])
  })

  test('keeps the old key when the new one cannot be written', async () => {
    const env = inFiles()
    await save(env, 'old')
    mkdirSync(path.join(files(env.HOME), 'new.enc'))
    expect((await llxprtKey(['rename', 'old', 'new', '--force'], env)).code).toBe(1)
    expect((await llxprtKey(['show', 'old'], env)).stdout).toContain(MASKED)
  })

  test.each([
    ['saving fails', "saveKey = async () => { throw fault('no room') }", 'no room', ['old']],
    [
      'another key is read back',
      "getKey = async function (name) { return name === 'new' ? 'another key' : getKey.call(this, name) }",
      "'old' is unchanged",
      ['new', 'old'],
    ],
    [
      'reading back fails',
      "getKey = async function (name) { if (name === 'new') throw fault('gone'); return getKey.call(this, name) }",
      'gone',
      ['new', 'old'],
    ],
    [
      'the old key cannot be deleted',
      "deleteKey = async () => { throw fault('locked') }",
      "Key 'new' is saved, but 'old' still exists: locked",
      ['new', 'old'],
    ],
  ])('keeps the old key when %s', async (_, change, message, left) => {
    const env = inFiles()
    await save(env, 'old')
    const faults = path.join(env.HOME, 'faults.cjs')
    const code = `const { ProviderKeyStorage, SecureStoreError } = require(${JSON.stringify(ROOT)})
      const { getKey } = ProviderKeyStorage.prototype
      const fault = (message) => new SecureStoreError(message, 'DENIED', 'Mend it.')
      ProviderKeyStorage.prototype.${change}`
    writeFileSync(faults, code)
    expect(await llxprtKey(['rename', 'old', 'new'], env, '', faults)).toEqual(failed(message))
    expect(await names(env)).toEqual(left)
    expect((await llxprtKey(['show', 'old'], env)).stdout).toContain(MASKED)
  })
})

describe('R12 llxprt-key --help', () => {
  const commands = 'save list show get delete rename run export import use doctor completion'.split(' ')

  test('lists every command, and each has its own help with an example', async () => {
    const { code, stdout } = await llxprtKey(['--help'], inFiles())
    expect(code).toBe(0)
    expect([...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, word]) => word)).toEqual(commands)
    expect(await llxprtKey(['-h'], inFiles())).toEqual(done(stdout))
    expect(await llxprtKey([], inFiles())).toEqual({ code: 2, stdout: '', stderr: stdout })
    for (const word of commands) {
      for (const flag of ['--help', '-h']) {
        const help = await llxprtKey([word, flag], inFiles())
        expect(help).toEqual(
          done(
            expect.stringMatching(new RegExp(`^Usage: llxprt-key ${word}\\b[^]*\nExamples?:\n  .*llxprt-key ${word}`)),
          ),
        )
      }
    }
  })

  test('--version prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string }
    expect(await llxprtKey(['--version'], inFiles())).toEqual(done(`llxprt-key ${version}\n`))
  })

  test('exits with code 2 for wrong usage, and says how to get help', async () => {
    for (const args of [['nonsense'], ['constructor'], ['--'], ['save'], ['rename', 'a'], ['list', 'a'], ['-x']]) {
      expect(await llxprtKey(args, inFiles()), args.join(' ')).toEqual(failed('--help', 2))
    }
  })
})

test('R12 the transcript in the README is what llxprt-key prints', () => {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8')
  const transcript = /```console\n(\$ llxprt-key .*?)```/s.exec(readme)?.[1] ?? ''
  const env = inFiles()
  const bin = path.join(env.HOME, 'bin')
  mkdirSync(bin)
  symlinkSync(LLXPRT_KEY, path.join(bin, 'llxprt-key'))
  writeFileSync(path.join(env.HOME, 'openai.txt'), 'sk-proj-0123456789\n')
  const replayed = transcript
    .split('\n')
    .filter((line) => line.startsWith('$ '))
    .map((line) => {
      const options = {
        cwd: env.HOME,
        encoding: 'utf8' as const,
        env: { ...process.env, ...env, PATH: `${bin}:${process.env.PATH}` },
      }
      return `${line}\n${execFileSync('sh', ['-c', `exec 2>&1; ${line.slice(2)}`], options)}`
    })
  expect(replayed.join('')).toBe(transcript)
  expect(replayed.length).toBeGreaterThanOrEqual(6)
})
