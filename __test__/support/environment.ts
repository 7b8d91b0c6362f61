// Runs before each test file: sets a new home, and disables the OS keyring. Tests that need a keyring enable it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll } from 'vitest'

// The tests must run on the runtime that was requested.
const requested = process.env.SECURESTORE_TEST_RUNTIME
if (requested && requested !== process.execPath)
  throw new Error(`The tests must run on ${requested}, not on ${process.execPath}.`)

const home = mkdtempSync(path.join(tmpdir(), 'securestore-home-'))
process.env.HOME = home
process.env.USERPROFILE = home
process.env.LLXPRT_DISABLE_OS_KEYRING = '1'
delete process.env.DBUS_SESSION_BUS_ADDRESS
delete process.env.XDG_RUNTIME_DIR

afterAll(() => rmSync(home, { recursive: true, force: true }))
