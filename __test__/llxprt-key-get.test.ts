// `llxprt-key get`, the parsing of the command line, and output that fits the terminal.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'
import { done, failed, inFiles, LLXPRT_KEY_COMMAND, llxprtKey, Terminal } from './support/shell'

const KEY = 'sk-on-request-0123'

async function withKey(key = KEY) {
  const env = inFiles()
  expect((await llxprtKey(['save', 'work'], env, key)).code).toBe(0)
  return env
}

describe('R15 llxprt-key get', () => {
  test('prints the key and a line end, and nothing else', async () => {
    expect(await llxprtKey(['get', 'work'], await withKey())).toEqual(done(`${KEY}\n`))
    const unusual = 'two\nlines, "quotes" and 🔑'
    expect(await llxprtKey(['get', 'work'], await withKey(unusual))).toEqual(done(`${unusual}\n`))
  })

  test('--json prints name, place and key', async () => {
    const env = await withKey()
    const expected = { name: 'work', place: 'file', key: KEY }
    for (const args of [
      ['get', 'work', '--json'],
      ['get', '--json', 'work'],
    ]) {
      const { code, stdout } = await llxprtKey(args, env)
      expect([code, JSON.parse(stdout)]).toEqual([0, expected])
    }
  })

  test('fails for an unknown name without printing to standard output', async () => {
    for (const more of [[], ['--json'], ['--reveal']]) {
      expect(await llxprtKey(['get', 'missing', ...more], inFiles())).toEqual(failed("Key 'missing' not found."))
    }
  })

  test('prints the key on a terminal only with --reveal', async () => {
    const env = await withKey()
    for (const more of ['', ' --json']) {
      const refused = new Terminal(`${LLXPRT_KEY_COMMAND} get work${more}`, env)
      await refused.shows(/Key 'work' is not printed on a terminal\.\r\nPass --reveal to print it/)
      expect(await refused.ended).toBe(1)
      expect(refused.screen).not.toContain(KEY.slice(0, 4))
    }
    const revealed = new Terminal(`${LLXPRT_KEY_COMMAND} get --reveal work`, env)
    expect(await revealed.ended).toBe(0)
    expect(revealed.screen).toBe(`${KEY}\r\n`)
  })
})

test('R15 every shell tool hardens its process before it reads a secret', () => {
  const trace = path.join(newDirectory(), 'trace.cjs')
  const code = `const securestore = require(${JSON.stringify(ROOT)})
    const steps = []
    securestore.hardenProcess = () => steps.push('harden')
    for (const name of ['get', 'list']) {
      const read = securestore.SecureStore.prototype[name]
      securestore.SecureStore.prototype[name] = function (...args) { steps.push('read'); return read.apply(this, args) }
    }
    const { getKey } = securestore.ProviderKeyStorage.prototype
    securestore.ProviderKeyStorage.prototype.getKey = function (name) { steps.push('read'); return getKey.call(this, name) }
    process.on('exit', () => process.stderr.write(steps.join()))`
  writeFileSync(trace, code)
  for (const [program, args, input] of [
    ['llxprt-key', ['get', 'work'], ''],
    ['git-credential-llxprt', ['get'], 'protocol=https\nhost=example.com\n'],
    ['docker-credential-llxprt', ['get'], 'https://example.com'],
  ] as const) {
    const file = path.join(ROOT, 'bin', `${program}.js`)
    const env = { ...process.env, ...inFiles() }
    const options = { env, input, encoding: 'utf8' as const }
    const { stderr } = spawnSync(process.execPath, ['--require', trace, file, ...args], options)
    expect(stderr, program).toMatch(/^(llxprt-key: .*\n.*\n)?harden,read$/)
  }
})

describe('R12 llxprt-key names what is wrong with the command line', () => {
  test.each([
    [['shwo'], "Unknown command 'shwo'. Did you mean 'show'?\nRun 'llxprt-key --help'."],
    [['exprot'], "Unknown command 'exprot'. Did you mean 'export'?"],
    [['del'], "Unknown command 'del'. Did you mean 'delete'?"],
    [['list2'], "Unknown command 'list2'. Did you mean 'list'?"],
    [['help'], "Unknown command 'help'. Did you mean '--help'?"],
    [['frob'], "Unknown command 'frob'. Run 'llxprt-key --help'."],
    [['__proto__'], "Unknown command. Run 'llxprt-key --help'."],
    [['list', '--jsn'], "Unknown option '--jsn'. Did you mean '--json'?\nRun 'llxprt-key list --help'."],
    [['get', '--revel', 'work'], "Unknown option '--revel'. Did you mean '--reveal'?"],
    [['list', '--foo'], "Unknown option '--foo'. Run 'llxprt-key list --help'."],
    [['list', '-x'], "Unknown option '-x'. Run 'llxprt-key list --help'."],
    [['--vers'], "Unknown option '--vers'. Did you mean '--version'?"],
    [['list', '--json=yes'], "Option '--json' takes no value."],
    [['run', 'work', '--as', '--', 'env'], '--as requires an environment variable name.'],
    [['export', '--output'], '--output requires a file name.'],
    [['get'], 'Missing argument <name>.'],
    [['rename', 'a'], 'Missing argument <new>.'],
    [['get', 'a', 'b'], 'Too many arguments.'],
    [['save', 'a', 'b'], 'The key cannot be an argument'],
    [['run', 'a', 'env'], "Missing '--' before the command to run."],
    [['completion', 'bsh'], "Unknown shell 'bsh'. Did you mean 'bash'?"],
    [['--help', 'list'], "Put the command 'list' before its options. Run 'llxprt-key list --help'."],
    [['--json', 'list'], "Put the command 'list' before its options."],
    [['--help', 'something'], 'Put the command before its options.'],
  ])('%j', async (args, message) => {
    expect(await llxprtKey(args, inFiles())).toEqual(failed(`llxprt-key: ${message}`, 2))
  })

  test('without repeating a word that may be a key', async () => {
    for (const secret of ['sk-proj-0123456789', 'abcdefghijklmnopqrstuvwxyz']) {
      for (const args of [[secret], ['list', `--${secret}`], ['completion', secret]]) {
        const refused = await llxprtKey(args, inFiles())
        expect(refused).toEqual(failed('Unknown ', 2))
        expect(refused.stderr).not.toContain(secret)
      }
    }
  })

  test('and takes -- as the end of the options', async () => {
    const env = inFiles()
    expect((await llxprtKey(['save', '--force', '--', '-dash'], env, KEY)).code).toBe(0)
    expect(await llxprtKey(['get', '--', '-dash'], env)).toEqual(done(`${KEY}\n`))
  })
})

describe('R12 llxprt-key fits the width of the terminal', () => {
  const commands = readFileSync(path.join(ROOT, 'bin/lib/commands/index.js'), 'utf8')

  test.each([40, 60, 80, 120])('in help at %i columns', async (columns) => {
    const words = ['', 'save', 'get', 'run', 'export', 'import', 'doctor', 'completion']
    for (const word of words) {
      if (word) expect(commands).toContain(word)
      const terminal = new Terminal(`stty cols ${columns}; ${LLXPRT_KEY_COMMAND} ${word} --help`, inFiles())
      expect(await terminal.ended).toBe(0)
      const [text = '', examples = ''] = terminal.screen.split(/Examples?:\r\n/)
      expect(widest(text), word).toBeLessThanOrEqual(columns)
      // Examples stay on one line, so that they can be copied.
      if (word) expect(examples).toMatch(/^ {2}\S/)
      expect(text).toContain('--help, -h')
    }
  })

  test('in the list, by shortening a long mask', async () => {
    const env = await withKey('x'.repeat(200))
    const terminal = new Terminal(`stty cols 60; ${LLXPRT_KEY_COMMAND} list`, {
      ...env,
      NO_COLOR: '1',
      FORCE_COLOR: undefined,
    })
    expect(await terminal.ended).toBe(0)
    expect(terminal.screen).toMatch(/^work {2}xx\*+…\*+xx\r\n$/)
    expect(widest(terminal.screen)).toBe(60)
    // Other programs get the whole mask.
    expect((await llxprtKey(['list'], env)).stdout).toBe(`work  xx${'*'.repeat(196)}xx\n`)
  })
})

function widest(screen: string): number {
  return Math.max(...screen.split('\r\n').map((line) => [...line].length))
}
