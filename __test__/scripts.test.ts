// The scripts that install the programs of the tests, and the arguments of scripts.

import { spawnSync } from 'node:child_process'
import { readdirSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { PrivateKeyring } from '../scripts/lib/private-keyring.js'
import { installPrograms, missingPackages, TEST_PROGRAMS } from '../scripts/lib/programs.js'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'

/** Runs a script of the project. */
function script(name: string, args: string[] = [], env: NodeJS.ProcessEnv = process.env) {
  const program = path.join(ROOT, 'scripts', name)
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { env, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** Runs work with a PATH without programs. */
async function withoutPrograms<T>(work: () => T | Promise<T>): Promise<T> {
  const before = process.env.PATH
  process.env.PATH = newDirectory()
  try {
    return await work()
  } finally {
    process.env.PATH = before
  }
}

describe('the programs that tests need', () => {
  test('are named by their Debian packages, each once and sorted', () => {
    const { status, stdout } = script('test-programs.js', [], { PATH: newDirectory() })
    const packages = stdout.trim().split('\n')
    expect(status).toBe(0)
    expect(packages).toEqual([...new Set(packages)].sort())
    for (const name of ['dbus', 'gnome-keyring', 'libsecret-tools']) expect(packages).toContain(name)
  })

  test('are not installed again if they are present', async () => {
    const installed = ['sh']
    expect(missingPackages(installed)).toEqual([])
    await expect(installPrograms('This test', installed)).resolves.toBeUndefined()
  })

  test('are named with the command to type if they cannot be installed', async () => {
    const failure = withoutPrograms(() => installPrograms('This test', ['dbus-send', 'dbus-daemon', 'zsh']))
    await expect(failure).rejects.toThrow(
      'This test needs dbus-send, dbus-daemon, zsh. On Debian or Ubuntu, run: sudo apt-get install dbus zsh',
    )
  })

  test('have a package each', async () => {
    const packages = await withoutPrograms(() => missingPackages(TEST_PROGRAMS))
    // These have other names than their packages. A package of their name does not exist.
    for (const program of ['dbus-daemon', 'dbus-monitor', 'gnome-keyring-daemon', 'gpg', 'secret-tool']) {
      expect(packages).not.toContain(program)
    }
  })
})

test('a private keyring whose daemon is missing leaves nothing behind', async () => {
  const [programs, directory] = [newDirectory(), newDirectory()]
  for (const name of ['dbus-daemon', 'dbus-send']) {
    const program = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
    symlinkSync(program, path.join(programs, name))
  }
  const before = process.env.PATH
  process.env.PATH = programs
  try {
    await expect(PrivateKeyring.start({ directory })).rejects.toThrow(
      'spawn gnome-keyring-daemon ENOENT. On Debian or Ubuntu, run: sudo apt-get install gnome-keyring',
    )
  } finally {
    process.env.PATH = before
  }
  expect(readdirSync(directory)).toEqual([])
})

test('npm run test:keyrings refuses an unknown Secret Service and names the known ones', () => {
  const { status, stderr } = script('keyrings.js', ['frob'])
  expect(status).toBe(1)
  expect(stderr).toMatch(/^Unknown Secret Service 'frob'\. Known: .*gnome-keyring/)
})
