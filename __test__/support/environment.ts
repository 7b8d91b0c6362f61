// Before each file: a home of its own, and no keyring unless the test asks for one.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll } from 'vitest'

// Who asks for a runtime must get it: tests that ran on another one would prove nothing about it.
const asked = process.env.SECURESTORE_TEST_RUNTIME
if (asked && asked !== process.execPath)
  throw new Error(`The tests were to run on ${asked}, not on ${process.execPath}.`)

const home = mkdtempSync(path.join(tmpdir(), 'securestore-home-'))
process.env.HOME = home
process.env.USERPROFILE = home
process.env.LLXPRT_DISABLE_OS_KEYRING = '1'
delete process.env.DBUS_SESSION_BUS_ADDRESS
delete process.env.XDG_RUNTIME_DIR

afterAll(() => rmSync(home, { recursive: true, force: true }))
