// Runs the platform contract on this platform, so that a failure on another one is not a fault of the contract.

import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, inject, test } from 'vitest'
import { ROOT } from './support/node'

test('the platform contract holds without a keyring, and reports a missing one with --with-keyring', async () => {
  const { failed, output } = await contract([], {})
  expect(failed).toEqual([])
  expect(output).toContain('the keyring of this platform is not available')
  expect((await contract(['--with-keyring'], {})).failed).toEqual([expect.stringContaining('the keyring is available')])
})

test('the platform contract holds with a keyring', async () => {
  const { failed, output } = await contract(['--with-keyring'], { DBUS_SESSION_BUS_ADDRESS: inject('keyringAddress') })
  expect(failed).toEqual([])
  expect(output).toContain('ok      keyring: lists them')
})

/** Runs the contract and returns its output and the lines of failed checks. */
async function contract(args: string[], env: NodeJS.ProcessEnv): Promise<{ failed: string[]; output: string }> {
  const { LLXPRT_DISABLE_OS_KEYRING, ...rest } = process.env
  const program = path.join(ROOT, 'scripts/platform-contract.js')
  const run = promisify(execFile)(process.execPath, [program, ...args], { env: { ...rest, ...env } })
  const { stdout } = await run.catch((error: { stdout: string }) => error)
  expect(stdout).toMatch(/\n\d\d passed, \d failed\n$/)
  return { failed: stdout.split('\n').filter((line) => line.startsWith('FAILED')), output: stdout }
}
