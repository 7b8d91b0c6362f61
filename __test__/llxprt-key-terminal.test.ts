// `llxprt-key` in a pseudo-terminal.

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { inFiles, LLXPRT_KEY_COMMAND, llxprtKey, Terminal } from './support/shell'

const KEY = 'typed-and-never-shown-0123'
const MASKED = `ty${'*'.repeat(KEY.length - 4)}23`
const PROMPT = /API key for 'work' \(hidden\): /
const PRINT_HASH = "require('node:crypto').createHash('sha256').update(process.env.API_KEY).digest('hex')"

async function saved(env: NodeJS.ProcessEnv, key: string) {
  expect(await llxprtKey(['save', 'work'], env, key)).toMatchObject({ code: 0, stderr: '' })
}

/** Checks which key is saved by its hash, without printing it. */
async function expectSaved(env: NodeJS.ProcessEnv, key: string) {
  const { stdout } = await llxprtKey(['run', 'work', '--', process.execPath, '-p', PRINT_HASH], env)
  expect(stdout.trim()).toBe(createHash('sha256').update(key).digest('hex'))
}

describe('R13 llxprt-key save in a terminal', () => {
  test('prompts for the key without showing it', async () => {
    const env = inFiles()
    const terminal = new Terminal(`${LLXPRT_KEY_COMMAND} save work`, env)
    await terminal.shows(PROMPT)
    terminal.type(`${KEY}\r`)
    await terminal.shows(/Saved key 'work'/)
    expect(await terminal.ended).toBe(0)
    expect(terminal.screen).toContain(MASKED)
    expect(terminal.screen.replace(MASKED, '')).not.toContain(KEY.slice(0, 3))
    await expectSaved(env, KEY)
  })

  test.each([
    ['backspace', `wrong\u007f\u007f\u007f\u007f\u007f${KEY}é\u007f🔑\b\r`],
    ['Ctrl-U', `wrong\u0015${KEY}\r`],
    ['a bracketed paste', `\u001b[200~${KEY}\n\u001b[201~\r`],
    ['arrow keys, Escape and Tab', `\u001b[D\u001bOA\u001b[1;5C\u001b${KEY}\t\r`],
  ])('handles %s', async (_, typed) => {
    const env = inFiles()
    const terminal = new Terminal(`${LLXPRT_KEY_COMMAND} save work`, env)
    await terminal.shows(PROMPT)
    // Byte by byte, as slow lines deliver it: this splits characters and control sequences.
    for (const byte of Buffer.from(typed)) terminal.type(Buffer.from([byte]))
    expect(await terminal.ended).toBe(0)
    await expectSaved(env, KEY)
  })

  test('rejects input that is not UTF-8', async () => {
    const env = inFiles()
    const terminal = new Terminal(`${LLXPRT_KEY_COMMAND} save work`, env)
    await terminal.shows(PROMPT)
    terminal.type(Buffer.from([0x61, 0xff, 0x0d]))
    await terminal.shows(/The input is not valid UTF-8/)
    expect(await terminal.ended).toBe(1)
  })

  test.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('is cancelled by %s and restores the terminal', async (_, typed) => {
    const env = inFiles()
    const terminal = new Terminal(`stty -a; ${LLXPRT_KEY_COMMAND} save work; echo "exit code $?"; stty -a`, env)
    await terminal.shows(PROMPT)
    terminal.type(`begun${typed}`)
    await terminal.shows(/Cancelled; nothing was saved\.\r\nexit code 130/)
    expect(await terminal.ended).toBe(0)
    expectRestored(terminal.screen)
    expect(terminal.screen).not.toContain('begun')
    expect((await llxprtKey(['list'], env)).stdout).toMatch(/^No saved keys/)
  })

  test.each(['INT', 'TERM', 'HUP'])('is ended by SIG%s and restores the terminal', async (signal) => {
    const inner = `sh -c 'echo "process $$"; exec ${LLXPRT_KEY_COMMAND.replaceAll("'", '"')} save work'`
    const terminal = new Terminal(`trap : INT; stty -a; ${inner}; echo "exit code $?"; stty -a`, inFiles())
    const id = Number((await terminal.shows(/process (\d+)/))[1])
    await terminal.shows(PROMPT)
    process.kill(id, `SIG${signal}`)
    await terminal.shows(/exit code (129|130|143)/)
    expect(await terminal.ended).toBe(0)
    expectRestored(terminal.screen)
  })

  test('asks before it overwrites a key', async () => {
    const env = inFiles()
    await saved(env, 'the first key')
    const kept = new Terminal(`${LLXPRT_KEY_COMMAND} save work`, env)
    await kept.shows(/Key 'work' already exists. Overwrite\? \[y\/N\] /)
    kept.type('\n')
    await kept.shows(/Nothing was saved/)
    expect(await kept.ended).toBe(1)
    await expectSaved(env, 'the first key')

    const overwritten = new Terminal(`${LLXPRT_KEY_COMMAND} save work`, env)
    await overwritten.shows(/Overwrite\? \[y\/N\] /)
    overwritten.type('y\n')
    // A terminal echoes what is typed by default, so the tests above would notice an echo.
    await overwritten.shows(/y\r\n/)
    await overwritten.shows(PROMPT)
    overwritten.type(`${KEY}\r`)
    expect(await overwritten.ended).toBe(0)
    await expectSaved(env, KEY)

    const forced = new Terminal(`${LLXPRT_KEY_COMMAND} save work --force`, env)
    await forced.shows(PROMPT)
    forced.type('the last key\r')
    expect(await forced.ended).toBe(0)
    await expectSaved(env, 'the last key')
  })
})

test('R17 llxprt-key delete asks on a terminal, and Ctrl-D means no', async () => {
  const env = inFiles()
  await saved(env, KEY)
  for (const [typed, code] of [
    ['n\n', 1],
    ['\u0004', 1],
    ['yes\n', 0],
  ] as const) {
    const terminal = new Terminal(`${LLXPRT_KEY_COMMAND} delete work`, env)
    await terminal.shows(/Delete key 'work'\? \[y\/N\] /)
    terminal.type(typed)
    await terminal.shows(code === 0 ? /Deleted key 'work'/ : /Nothing was deleted/)
    expect(await terminal.ended).toBe(code)
  }
  expect((await llxprtKey(['show', 'work'], env)).code).toBe(1)
})

test('R8 llxprt-key uses colours only on a terminal and without NO_COLOR', async () => {
  const env = inFiles()
  await saved(env, KEY)
  const coloured = new RegExp(`work {2}\u001b\\[2m${MASKED.replaceAll('*', '\\*')}\u001b\\[0m`)
  const list = async (more: NodeJS.ProcessEnv) => {
    const terminal = new Terminal(`${LLXPRT_KEY_COMMAND} list`, {
      ...env,
      NO_COLOR: '',
      FORCE_COLOR: undefined,
      ...more,
    })
    await terminal.ended
    return terminal.screen
  }
  expect(await list({})).toMatch(coloured)
  expect(await list({ NO_COLOR: '1' })).toBe(`work  ${MASKED}\r\n`)
  expect(await list({ TERM: 'dumb' })).toBe(`work  ${MASKED}\r\n`)
  const piped = async (more: NodeJS.ProcessEnv) => (await llxprtKey(['list'], { ...env, ...more })).stdout
  expect(await piped({ FORCE_COLOR: undefined })).toBe(`work  ${MASKED}\n`)
  expect(await piped({ FORCE_COLOR: '1' })).toMatch(coloured)
  expect(await piped({ FORCE_COLOR: '0' })).toBe(`work  ${MASKED}\n`)
})

describe('R8 llxprt-key run in a terminal', () => {
  test('leaves Ctrl-C to the command, which receives it once', async () => {
    const env = inFiles()
    await saved(env, KEY)
    // llxprt-key handles the interrupt before it forwards the next signal.
    const program = `let count = 0
      process.on("SIGINT", () => { count += 1; process.kill(process.ppid, "SIGUSR2") })
      process.on("SIGUSR2", () => { console.log("count " + count); process.exit(7) })
      process.stdin.resume()
      console.log("ready")`
    const terminal = new Terminal(
      `trap : INT; ${LLXPRT_KEY_COMMAND} run work -- '${process.execPath}' -e '${program}'`,
      env,
    )
    await terminal.shows(/ready/)
    terminal.type('\u0003')
    expect((await terminal.shows(/count (\d+)/))[1]).toBe('1')
    expect(await terminal.ended).toBe(7)
  })
})

/** Compares the output of `stty -a` before and after the command. */
function expectRestored(screen: string) {
  const settings = screen.split('\r\n').filter((line) => /(^|;| )-?(echo|icanon|isig|icrnl|opost)( |;|$)/.test(line))
  const before = settings.slice(0, settings.length / 2)
  expect(settings).toEqual([...before, ...before])
  expect(before.join(' ')).toMatch(/ echo /)
}
