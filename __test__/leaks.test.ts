// Searches everything that the public API outputs for secrets and key names. leaks/everything.cjs makes the calls in a new
// process with marked values, and logs events at the level `trace` to a sink and to standard error.
//
// Secrets are searched for everywhere, names only in events and on standard error: by contract a name is in the answers of
// `/key`, in errors about that key (`Key name '<name>' is invalid`, `Named key '<name>' not found`) and in errors about its
// file.

import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, inject, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { PrivateKeyring } from './support/keyring'

const SECRET = 'sk-MaRkEr-7f3a9c51e2d84b06'
const NAME = 'nAmE-mArKeR-4d21'
/** Returns the encodings that are searched for. */
const encodings = (text: string) => [
  text,
  Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -2),
  Buffer.from(text).toString('hex'),
  encodeURIComponent(text),
  [...Buffer.from(text)].join(', '),
]

interface Seen {
  exports: string[]
  exercised: string[]
  events: object[]
  errors: Array<{ message: string; code?: string }>
  shown: unknown[]
}

async function run(mode: string, address?: string): Promise<{ seen: Seen; stderr: string }> {
  const bus = address ? { DBUS_SESSION_BUS_ADDRESS: address, LLXPRT_DISABLE_OS_KEYRING: '' } : {}
  const home = newDirectory()
  const env = { ...process.env, ...bus, HOME: home, USERPROFILE: home, SECRET, NAME, MODE: mode }
  const program = path.join(__dirname, 'leaks/everything.cjs')
  const options = {
    env: { ...env, LLXPRT_SECURESTORE_LOG: 'trace,zbus=trace', RUST_BACKTRACE: 'full' },
    maxBuffer: 2 ** 28,
  }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], options)
  return { seen: JSON.parse(stdout), stderr }
}

describe('R8 no secret and no name is leaked when the keyring', () => {
  test.each([
    'works',
    'none',
    'throws',
    'locked',
    'access denied',
    'timed out',
    'not found',
    'something else',
    'storage error',
    'text',
    'echo',
    'wrong answers',
    'hangs',
  ])('is in the mode %s', async (mode) => {
    check(await run(mode))
  })

  test('is the OS keyring', async () => {
    check(await run('os', inject('keyringAddress')))
  })

  test('is the OS keyring and is locked', async () => {
    const keyring = await PrivateKeyring.start()
    keyring.lock()
    const out = await run('os', keyring.address).finally(() => keyring.stop())
    check(out)
    expect(out.seen.errors.some(({ code }) => code === 'LOCKED' || code === 'DENIED')).toBe(true)
  })
})

function check({ seen, stderr }: { seen: Seen; stderr: string }): void {
  // Every export must be exercised, also a new one.
  expect([...seen.exercised].sort()).toEqual([...seen.exports].sort())
  expect([seen.events.length > 50, seen.errors.length > 50, stderr.length > 0]).toEqual([true, true, true])
  const lines = stderr.split('\n').filter(Boolean)
  for (const line of lines) expect(JSON.parse(line)).toHaveProperty('event')
  for (const marker of encodings(SECRET)) {
    for (const found of [...seen.errors, ...seen.shown, ...seen.events].map((shown) => JSON.stringify(shown))) {
      expect(found).not.toContain(marker)
    }
    expect(stderr).not.toContain(marker)
  }
  for (const marker of encodings(NAME)) {
    expect(JSON.stringify(seen.events)).not.toContain(marker)
    expect(stderr).not.toContain(marker)
  }
  for (const { message } of seen.errors) expect(message).not.toMatch(/panicked|\.rs:\d/)
}
