// The completion scripts in real shells: bash and zsh in a pseudo-terminal, fish by the command that prints completions.

import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'
import { done, LLXPRT_KEY, llxprtKey, Terminal } from './support/shell'

const PROMPT = /READY> /
const TAB = '\t'

let env: NodeJS.ProcessEnv & { HOME: string }
beforeAll(async () => {
  const home = newDirectory()
  const bin = path.join(home, 'bin')
  mkdirSync(bin)
  // Prints its arguments in brackets, except when a completion script calls it.
  const program = `#!/bin/sh
if [ "$1" = __names ]; then exec '${process.execPath}' '${LLXPRT_KEY}' "$@"; fi
printf '[%s] ' "$@"; echo`
  writeFileSync(path.join(bin, 'llxprt-key'), program, { mode: 0o755 })
  symlinkSync(process.execPath, path.join(bin, 'node'))
  env = { HOME: home, PATH: `${bin}:${process.env.PATH}`, LLXPRT_DISABLE_OS_KEYRING: '1', NO_COLOR: '1' }
  for (const name of ['work-one', 'home.two']) expect((await llxprtKey(['save', name], env, 'a key')).code).toBe(0)
  for (const file of ['keys.age', 'my keys.age']) writeFileSync(path.join(home, file), '')
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await llxprtKey(['completion', shell], env)
    writeFileSync(path.join(home, `llxprt-key.${shell}`), stdout)
  }
  writeFileSync(path.join(home, '.bashrc'), "PS1='READY> '\nbind 'set bell-style none'\nsource ~/llxprt-key.bash\n")
  const zshrc = "PS1='READY> '\nautoload -Uz compinit\ncompinit -u -D\nunsetopt beep\nsource ~/llxprt-key.zsh\n"
  writeFileSync(path.join(home, '.zshrc'), zshrc)
})

/** What is typed, and the arguments after the Tab key is pressed. */
const COMPLETED = [
  ['sh', 'show'],
  ['compl', 'completion'],
  ['get w', 'get', 'work-one'],
  ['run h', 'run', 'home.two'],
  ['export work-one h', 'export', 'work-one', 'home.two'],
  ['list --j', 'list', '--json'],
  ['get --rev', 'get', '--reveal'],
  ['import ke', 'import', 'keys.age'],
  ['import --from-env ke', 'import', '--from-env', 'keys.age'],
  ['completion z', 'completion', 'zsh'],
  ['use va', 'use', 'vault'],
  ['run work-one -- llxprt-k', 'run', 'work-one', '--', 'llxprt-key'],
  ['--vers', '--version'],
] as const

describe.each([
  ['bash', 'bash --noprofile -i'],
  ['zsh', 'zsh -d -i'],
])('R19 llxprt-key completion %s', (_, shell) => {
  test('completes commands, options, saved names and files', async () => {
    const terminal = new Terminal(`cd; ${shell}`, env)
    const spaced = ['import my', 'import', 'my keys.age'] as const
    for (const [typed, ...completed] of [...COMPLETED, spaced]) {
      await terminal.shows(PROMPT)
      // The shell runs the line as it completed it.
      terminal.type(`llxprt-key ${typed}${TAB}\r`)
      const [, printed = ''] = await terminal.shows(/[\r\n](\[[^\r]*\]) \r\n/)
      expect(printed, typed).toBe(completed.map((argument) => `[${argument}]`).join(' '))
    }
    await leave(terminal)
  })

  test('lists all commands', async () => {
    const terminal = new Terminal(`cd; ${shell}`, env)
    await terminal.shows(PROMPT)
    terminal.type(`llxprt-key ${TAB}${TAB}`)
    // In any order: the shells arrange them in columns.
    await terminal.shows(/(?=.*completion)(?=.*doctor)(?=.*export)(?=.*rename)/s)
    await leave(terminal)
  })
})

describe('R19 llxprt-key completion fish', () => {
  const complete = (line: string) => {
    const script = 'source ~/llxprt-key.fish; complete -C $argv[1]'
    const output = execFileSync('fish', ['--no-config', '-c', script, line], { encoding: 'utf8', env, cwd: env.HOME })
    return output
      .split('\n')
      .filter(Boolean)
      .map((completion) => completion.split('\t', 1)[0])
      .sort()
  }

  test('completes commands, options, saved names and files', () => {
    for (const [typed, ...completed] of COMPLETED) {
      expect(complete(`llxprt-key ${typed}`), typed).toEqual([completed.at(-1)])
    }
    expect(complete('llxprt-key ')).toContain('doctor')
    expect(complete('llxprt-key get ')).toEqual(['home.two', 'work-one'])
    expect(complete('llxprt-key list ')).toEqual([])
    expect(complete('llxprt-key run work-one -- llxprt-key comp')).toEqual(['completion'])
  })
})

describe('R19 the completion scripts', () => {
  test('get the names of saved keys, except those that could run code in a shell', async () => {
    expect(await llxprtKey(['__names'], env)).toEqual(done('home.two\nwork-one\n'))
    const names = path.join(env.HOME, 'names.cjs')
    const code = `const { ProviderKeyStorage } = require(${JSON.stringify(ROOT)})
      ProviderKeyStorage.prototype.listKeys = async () => ['good', '$(touch stolen)', 'a b', ';ls', '']`
    writeFileSync(names, code)
    expect(await llxprtKey(['__names'], env, '', names)).toEqual(done('good\n'))
    writeFileSync(names, code.replace(/async.*/, "async () => { throw new Error('locked') }"))
    expect(await llxprtKey(['__names'], env, '', names)).toEqual(done(''))
  })

  test('can also be installed as files where the shells look for them', () => {
    const functions = path.join(newDirectory(), 'functions')
    mkdirSync(functions)
    symlinkSync(path.join(env.HOME, 'llxprt-key.zsh'), path.join(functions, '_llxprt-key'))
    const script = `fpath=(${functions} $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[llxprt-key]`
    expect(execFileSync('zsh', ['-f', '-c', script], { encoding: 'utf8', env })).toBe('_llxprt-key\n')
  })
})

/** Ends a shell. Ctrl-U deletes its current line. */
async function leave(terminal: Terminal): Promise<void> {
  terminal.type('\u0015exit\r')
  await terminal.ended
}
