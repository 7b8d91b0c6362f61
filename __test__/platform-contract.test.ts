// The contract for platforms that these tests do not run on, run here: so that it holds where everything is known to work.

import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, inject, test } from 'vitest'
import { ROOT } from './support/node'

test('the platform contract holds without a keyring, and says so where one was asked for', async () => {
  const { failed, output } = await contract([], {})
  expect(failed).toEqual([])
  expect(output).toContain('the keyring of this platform does not answer')
  expect((await contract(['--with-keyring'], {})).failed).toEqual([expect.stringContaining('the keyring answers')])
})

test('the platform contract holds with a keyring', async () => {
  const { failed, output } = await contract(['--with-keyring'], { DBUS_SESSION_BUS_ADDRESS: inject('keyringAddress') })
  expect(failed).toEqual([])
  expect(output).toContain('ok      keyring: lists them')
})

/** Runs it with the binary that is here; gives what it printed, and of that the lines of what did not hold. */
async function contract(args: string[], env: NodeJS.ProcessEnv): Promise<{ failed: string[]; output: string }> {
  const { LLXPRT_DISABLE_OS_KEYRING, ...rest } = process.env
  const program = path.join(ROOT, 'scripts/platform-contract.js')
  const run = promisify(execFile)(process.execPath, [program, ...args], { env: { ...rest, ...env } })
  const { stdout } = await run.catch((error: { stdout: string }) => error)
  expect(stdout).toMatch(/\n\d\d passed, \d failed\n$/)
  return { failed: stdout.split('\n').filter((line) => line.startsWith('FAILED')), output: stdout }
}
