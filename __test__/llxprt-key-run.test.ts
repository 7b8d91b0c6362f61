// `llxprt-key run`: only the command gets the key.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { llxprtKey, outcome, printed, startLlxprtKey } from './support/shell'

const KEY = 'handed-over-and-never-shown-4567'
const HASH = createHash('sha256').update(KEY).digest('hex')

const env: NodeJS.ProcessEnv = { LLXPRT_DISABLE_OS_KEYRING: '1' }
beforeAll(async () => {
  env.HOME = newDirectory()
  for (const name of ['work', 'openai', 'openai-work', 'Anthropic.2', 'google_home', 'openaix', 'constructor']) {
    expect((await llxprtKey(['save', name], env, KEY)).code).toBe(0)
  }
})

const inNode = (code: string) => ['--', process.execPath, '-e', code]

/** Prints the names of the variables that contain the key. */
const WHERE = inNode(`const { createHash } = require('node:crypto')
  const hash = (text) => createHash('sha256').update(text).digest('hex')
  console.log(Object.keys(process.env).filter((name) => hash(process.env[name]) === '${HASH}').join())`)

describe('R8 llxprt-key run', () => {
  test.each([
    ['work', 'API_KEY'],
    ['openai', 'OPENAI_API_KEY'],
    ['openai-work', 'OPENAI_API_KEY'],
    ['Anthropic.2', 'ANTHROPIC_API_KEY'],
    ['google_home', 'GEMINI_API_KEY'],
    ['openaix', 'API_KEY'],
    ['constructor', 'API_KEY'],
  ])('puts key %s into %s and nowhere else', async (name, variable) => {
    expect(await llxprtKey(['run', name, ...WHERE], env)).toEqual({ code: 0, stdout: `${variable}\n`, stderr: '' })
  })

  test('puts the key into the variable named by --as, replacing its value', async () => {
    const all = { ...env, MY_KEY: 'something else' }
    for (const as of [['--as', 'MY_KEY'], ['--as=MY_KEY']]) {
      expect(await llxprtKey(['run', 'openai', ...as, ...WHERE], all)).toMatchObject({ code: 0, stdout: 'MY_KEY\n' })
    }
    for (const as of ['', '1A', 'A B', 'A=B', 'Ä', 'A-B']) {
      const refused = await llxprtKey(['run', 'openai', `--as=${as}`, ...WHERE], env)
      expect(refused).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringContaining('--as requires an environment variable name.'),
      })
    }
  })

  test('does not show the key in the process list', async () => {
    const child = startLlxprtKey(['run', 'work', ...inNode("console.log('ready'); process.stdin.resume()")], env)
    const end = outcome(child)
    await printed(child.stdout, 'ready')
    const processes = execFileSync('ps', ['-ww', '-e', '-o', 'args'], { encoding: 'utf8' })
    const lines = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((id) => commandLine(id))
    for (const list of [processes, lines.join('\n')]) {
      expect(list).toMatch(/llxprt-key\.js.run.work/)
      expect(list).not.toContain(KEY)
    }
    child.stdin.end()
    expect(await end).toEqual({ code: 0, stdout: 'ready\n', stderr: '' })
  })

  test('does not write the key to the log', async () => {
    const { stderr } = await llxprtKey(['run', 'work', ...WHERE], { ...env, LLXPRT_SECURESTORE_LOG: 'trace' })
    expect(stderr).toContain('operation')
    expect(stderr).not.toContain(KEY)
  })

  test('passes its standard streams to the command', async () => {
    const copy = inNode("process.stdin.pipe(process.stdout); process.stderr.write('aside')")
    const input = 'x'.repeat(1_000_000)
    const { code, stdout, stderr } = await llxprtKey(['run', 'work', ...copy], env, input)
    expect([code, stdout === input, stderr]).toEqual([0, true, 'aside'])
  })

  test('passes the arguments of the command unchanged', async () => {
    const print = inNode('console.log(JSON.stringify(process.argv.slice(1)))')
    const args = ['--', '--help', '-h', 'a b', '$HOME', '', '*']
    const { stdout } = await llxprtKey(['run', 'work', ...print, ...args], env)
    expect(JSON.parse(stdout)).toEqual(args.slice(1))
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
    'forwards %s and waits until the command ends',
    async (signal) => {
      const program = inNode(`process.on('${signal}', () => console.log('got ${signal}'))
        process.stdin.once('data', () => process.exit(7))
        console.log('ready')`)
      const child = startLlxprtKey(['run', 'work', ...program], env)
      const end = outcome(child)
      await printed(child.stdout, 'ready')
      child.kill(signal)
      await printed(child.stdout, `got ${signal}`)
      child.stdin.end('go on')
      expect(await end).toEqual({ code: 7, stdout: `ready\ngot ${signal}\n`, stderr: '' })
    },
  )

  test.each([
    ["the command's exit code", 'exit 42', 42],
    ['128 plus the signal number', 'kill -9 $$', 137],
    ['128 plus the signal number', 'kill -TERM $$', 143],
  ])('exits with %s: %s', async (_, script, code) => {
    const ended = await llxprtKey(['run', 'work', '--', 'sh', '-c', script], env)
    expect(ended).toEqual({ code, stdout: '', stderr: '' })
  })

  test('names the command that is missing (127) or cannot be run (126)', async () => {
    const missing = await llxprtKey(['run', 'work', '--', 'no-such-command', 'argument'], env)
    expect(missing).toEqual({ code: 127, stdout: '', stderr: 'llxprt-key: Command not found: no-such-command\n' })
    const file = path.join(newDirectory(), 'not-executable')
    writeFileSync(file, '')
    expect(await llxprtKey(['run', 'work', '--', file], env)).toMatchObject({ code: 126, stdout: '' })
  })

  test('lets the command raise the limit of core dumps, which it lowers', async () => {
    const limits = (await llxprtKey(['run', 'work', '--', 'sh', '-c', 'ulimit -Sc; ulimit -Hc'], env)).stdout
    const hard = execFileSync('sh', ['-c', 'ulimit -Hc'], { encoding: 'utf8' })
    expect(limits).toBe(`0\n${hard}`)
  })

  test('does not run the command without the key', async () => {
    const marker = path.join(newDirectory(), 'ran')
    const touch = inNode(`require('node:fs').writeFileSync(${JSON.stringify(marker)}, '')`)
    const missing = await llxprtKey(['run', 'missing', ...touch], env)
    expect(missing).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining("Key 'missing' not found.") })
    expect(existsSync(marker)).toBe(false)
  })

  test('rejects a key that cannot be in an environment variable, without showing it', async () => {
    const home = newDirectory()
    expect((await llxprtKey(['save', 'work'], { ...env, HOME: home }, `${KEY}\0more`)).code).toBe(0)
    const refused = await llxprtKey(['run', 'work', ...WHERE], { ...env, HOME: home })
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('NUL') })
    expect(refused.stderr).not.toContain(KEY)
  })

  test('requires -- and a command', async () => {
    for (const args of [['work'], ['work', 'env'], ['work', '--'], ['--', 'env']]) {
      const refused = await llxprtKey(['run', ...args], env)
      expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('llxprt-key run --help') })
    }
  })
})

/** Returns the command line of a process, empty when it has ended. */
function commandLine(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
