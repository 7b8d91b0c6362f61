// `llxprt-key` through pipes, as scripts meet it, with encrypted files.

import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from './support/node'
import { done, failed, files, inFiles, LLXPRT_KEY, llxprtKey, outcome, startLlxprtKey } from './support/shell'

const KEY = 'piped-and-never-shown-0123'
const MASKED = `pi${'*'.repeat(KEY.length - 4)}23`

async function save(env: NodeJS.ProcessEnv, ...names: string[]) {
  for (const name of names) expect((await llxprtKey(['save', name], env, KEY)).code).toBe(0)
}

describe('R13 llxprt-key save', () => {
  test('takes all of standard input, without the white space around it', async () => {
    const env = inFiles()
    expect(await llxprtKey(['save', 'work'], env, `\ufeff ${KEY}\r\n`)).toEqual(
      done(`Saved key 'work' (${MASKED}) in an encrypted file because the keyring is unavailable\n`),
    )
    expect(await llxprtKey(['show', 'work'], env)).toEqual(done(`work: ${MASKED} (${KEY.length} chars)\n`))
    expect(readdirSync(files(env.HOME))).toEqual(['work.enc'])
  })

  test('overwrites with --force only: there is nobody to ask', async () => {
    const env = inFiles()
    await save(env, 'work')
    expect(await llxprtKey(['save', 'work'], env, 'another key')).toEqual(failed("Key 'work' already exists."))
    expect((await llxprtKey(['show', 'work'], env)).stdout).toContain(MASKED)
    expect((await llxprtKey(['save', 'work', '--force'], env, 'another key')).code).toBe(0)
    expect((await llxprtKey(['show', 'work'], env)).stdout).toContain('(11 chars)')
  })

  test('overwrites a damaged key with --force only', async () => {
    const env = inFiles()
    await save(env, 'work')
    writeFileSync(path.join(files(env.HOME), 'work.enc'), 'damaged')
    expect((await llxprtKey(['save', 'work'], env, KEY)).code).toBe(1)
    expect((await llxprtKey(['save', 'work', '--force'], env, KEY)).code).toBe(0)
    expect((await llxprtKey(['show', 'work'], env)).stdout).toContain(MASKED)
  })

  test.each([
    ['nothing', '', 'API key value cannot be empty.'],
    ['white space alone', ' \n\t', 'API key value cannot be empty.'],
    ['what is no text', new Uint8Array([0x61, 0xff]), 'The key is not in UTF-8.'],
    ['what is too long', 'x'.repeat(1024 * 1024 + 1), 'Standard input is too long'],
  ])('refuses %s', async (_, input, message) => {
    const env = inFiles()
    expect(await llxprtKey(['save', 'work'], env, input)).toEqual(failed(message))
    expect((await llxprtKey(['list'], env)).stdout).toMatch(/^No saved keys/)
  })

  test('R9 takes no key as an argument, and repeats none that was put there', async () => {
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
  test('shows the keys masked and sorted, also one that cannot be read', async () => {
    const env = inFiles()
    await save(env, 'b', 'long-name', 'a')
    writeFileSync(path.join(files(env.HOME), 'b.enc'), 'damaged')
    expect(await llxprtKey(['list'], env)).toEqual(
      done(`a          ${MASKED}\nb          (unable to retrieve)\nlong-name  ${MASKED}\n`),
    )
  })

  test('--json gives names and places, and nothing of a key', async () => {
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

  test('lets nothing that a key holds command the terminal', async () => {
    const env = inFiles()
    expect((await llxprtKey(['save', 'work'], env, '\u0007\u001b]0;title\u0007 and more\u0085\u009b')).code).toBe(0)
    for (const command of [['list'], ['show', 'work']]) {
      const { stdout } = await llxprtKey(command, env)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
      expect(stdout.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
    }
  })

  test('may find that nobody reads it', async () => {
    const env = inFiles()
    await save(env, 'work')
    const child = startLlxprtKey(['list'], env)
    child.stdout.destroy()
    expect(await outcome(child)).toMatchObject({ code: 0, stderr: '' })
  })

  test('that cannot be written is a failure', async () => {
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

test('R15 llxprt-key show says of a name that it is not there', async () => {
  expect(await llxprtKey(['show', 'work'], inFiles())).toEqual(
    failed("llxprt-key: Key 'work' not found.\nUse 'llxprt-key list' to see saved keys.\n"),
  )
})

test('R17 llxprt-key delete needs --force where there is nobody to ask, and deletes a damaged key, too', async () => {
  const env = inFiles()
  await save(env, 'work', 'damaged')
  writeFileSync(path.join(files(env.HOME), 'damaged.enc'), 'damaged')
  expect(await llxprtKey(['delete', 'work'], env, 'y\n')).toEqual(failed('nobody to ask'))
  expect(await llxprtKey(['delete', 'missing', '--force'], env)).toEqual(failed("Key 'missing' not found."))
  expect(await llxprtKey(['delete', 'missing'], env)).toEqual(failed("Key 'missing' not found."))
  expect(await llxprtKey(['delete', 'work', '--force'], env)).toEqual(done("Deleted key 'work'\n"))
  expect(await llxprtKey(['delete', 'damaged', '--force'], env)).toEqual(done("Deleted key 'damaged'\n"))
  expect(readdirSync(files(env.HOME))).toEqual([])
})

describe('R10 llxprt-key rename', () => {
  const names = async (env: NodeJS.ProcessEnv) => (await llxprtKey(['list'], env)).stdout.match(/^\S+/gm)

  test('gives the key its new name', async () => {
    const env = inFiles()
    await save(env, 'old')
    expect(await llxprtKey(['rename', 'old', 'new'], env)).toEqual(done("Renamed key 'old' to 'new'\n"))
    expect(await llxprtKey(['list'], env)).toEqual(done(`new  ${MASKED}\n`))
    expect(await llxprtKey(['rename', 'old', 'new'], env)).toEqual(failed("Key 'old' not found."))
    expect(await llxprtKey(['rename', 'new', 'new'], env)).toEqual(failed('The new name is the old one.', 2))
    expect(await llxprtKey(['rename', 'new', 'a/b'], env)).toEqual(failed('The name is invalid', 2))
    expect(await names(env)).toEqual(['new'])
  })

  test('overwrites with --force only, and never what may be the key itself', async () => {
    const env = inFiles()
    await save(env, 'old', 'OLD')
    expect((await llxprtKey(['save', 'new'], env, 'another key')).code).toBe(0)
    expect(await llxprtKey(['rename', 'old', 'new'], env)).toEqual(failed("Key 'new' already exists."))
    expect(await names(env)).toEqual(['OLD', 'new', 'old'])
    expect(await llxprtKey(['rename', 'old', 'OLD', '--force'], env)).toEqual(failed('case does not count'))
    expect(await names(env)).toEqual(['OLD', 'new', 'old'])
    expect((await llxprtKey(['rename', 'old', 'new', '--force'], env)).code).toBe(0)
    expect(await names(env)).toEqual(['OLD', 'new'])
    expect((await llxprtKey(['show', 'new'], env)).stdout).toContain(MASKED)
    expect((await llxprtKey(['rename', 'new', 'NEW'], env)).code).toBe(0)
    expect(await names(env)).toEqual(['NEW', 'OLD'])
  })

  test('keeps the old one when the new one cannot be written', async () => {
    const env = inFiles()
    await save(env, 'old')
    mkdirSync(path.join(files(env.HOME), 'new.enc'))
    expect((await llxprtKey(['rename', 'old', 'new', '--force'], env)).code).toBe(1)
    expect((await llxprtKey(['show', 'old'], env)).stdout).toContain(MASKED)
  })

  test.each([
    ['saving fails', "saveKey = async () => { throw fault('no room') }", 'no room', ['old']],
    [
      'what is read back is another key',
      "getKey = async function (name) { return name === 'new' ? 'another key' : getKey.call(this, name) }",
      "'old' is as it was",
      ['new', 'old'],
    ],
    [
      'reading back fails',
      "getKey = async function (name) { if (name === 'new') throw fault('gone'); return getKey.call(this, name) }",
      'gone',
      ['new', 'old'],
    ],
    [
      'the old one cannot be deleted',
      "deleteKey = async () => { throw fault('locked') }",
      "Key 'new' is saved, but 'old' is still there: locked",
      ['new', 'old'],
    ],
  ])('keeps the old one when %s', async (_, change, message, left) => {
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
  const commands = ['save', 'list', 'show', 'delete', 'rename', 'run', 'doctor']

  test('names every command, and each has help of its own', async () => {
    const { code, stdout } = await llxprtKey(['--help'], inFiles())
    expect(code).toBe(0)
    expect([...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, word]) => word)).toEqual(commands)
    expect(await llxprtKey(['-h'], inFiles())).toEqual(done(stdout))
    expect(await llxprtKey([], inFiles())).toEqual({ code: 2, stdout: '', stderr: stdout })
    for (const word of commands) {
      for (const flag of ['--help', '-h']) {
        const help = await llxprtKey([word, flag], inFiles())
        expect(help).toEqual(
          done(expect.stringMatching(new RegExp(`^Usage: llxprt-key ${word}\\b`)) as unknown as string),
        )
      }
    }
  })

  test('--version gives that of the package', async () => {
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string }
    expect(await llxprtKey(['--version'], inFiles())).toEqual(done(`llxprt-key ${version}\n`))
  })

  test('wrong usage is exit code 2, and says where help is', async () => {
    for (const args of [['nonsense'], ['constructor'], ['--'], ['save'], ['rename', 'a'], ['list', 'a'], ['-x']]) {
      expect(await llxprtKey(args, inFiles()), args.join(' ')).toEqual(failed('--help', 2))
    }
  })
})

test('R12 the README’s transcript of llxprt-key is what happens', () => {
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
