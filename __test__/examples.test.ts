// The programs in examples/, run as a reader runs them, but without the OS keyring and in a new home.

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'

const EXAMPLES = path.join(ROOT, 'examples')

/** Runs an example and returns the lines that it printed. It must end by itself, with exit code 0. */
function run(name: string): Promise<{ lines: string[]; home: string }> {
  const home = newDirectory()
  const env = { ...process.env, HOME: home, USERPROFILE: home, LLXPRT_DISABLE_OS_KEYRING: '1' }
  return new Promise((resolve, reject) => {
    const options = { cwd: ROOT, env, timeout: 50_000, killSignal: 'SIGKILL' as const }
    execFile(process.execPath, [path.join(EXAMPLES, name)], options, (error, stdout, stderr) => {
      if (error || stderr) reject(new Error(`${error?.message ?? ''}\nstdout: ${stdout}\nstderr: ${stderr}`))
      else resolve({ lines: stdout.trimEnd().split('\n'), home })
    })
  })
}

/** Returns the files of stored secrets below a home. */
const secrets = (home: string): string[] =>
  readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.enc'))

describe('examples/save-and-load.mjs', () => {
  test('saves, reads and deletes a secret, and shows none of it', async () => {
    const { lines, home } = await run('save-and-load.mjs')
    expect(lines).toEqual([
      'The keyring works: false',
      'Keys: example.com',
      'The token has 16 characters',
      'Deleted: true',
    ])
    expect(secrets(home)).toEqual([])
  })
})

describe('examples/refresh-token.mjs', () => {
  test('refreshes a rotating token once for five processes, and the login stays valid', async () => {
    const { lines, home } = await run('refresh-token.mjs')
    expect(lines).toEqual(['5 processes, 1 refresh, 1 access token', 'The login is still valid'])
    expect(secrets(home)).toEqual([])
  })
})

describe('examples/sandbox-proxy.mjs', () => {
  test('reads keys through the host, and refuses to save in the sandbox', async () => {
    const { lines, home } = await run('sandbox-proxy.mjs')
    expect(lines).toEqual([
      "The session's key has 13 characters. [auth] Using API key from: --key-name 'work' (keyring)",
      'Saved keys:',
      '  work  sk*********89',
      'Refused: saveKey is not available in the sandbox',
    ])
    expect(secrets(home)).toEqual([])
  })
})

test('every example has a test', () => {
  const examples = readdirSync(EXAMPLES).filter((name) => name.endsWith('.mjs'))
  const tests = readFileSync(__filename, 'utf8')
  for (const name of examples) expect(tests).toContain(`describe('examples/${name}'`)
})
