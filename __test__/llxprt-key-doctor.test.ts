// The advice of `llxprt-key doctor` for the system of the user, and its output on a terminal.

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { DoctorReport } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { PrivateKeyring } from './support/keyring'
import { ROOT } from './support/node'
import { done, failed, files, inFiles, LLXPRT_KEY_COMMAND, llxprtKey, Terminal } from './support/shell'

interface Problem {
  severity: string
  message: string
  remedy: string
}
const { advise } = require(path.join(ROOT, 'bin/lib/advice.js')) as {
  advise(report: unknown, system: unknown): Problem[]
}
const { distributionsOf } = require(path.join(ROOT, 'bin/lib/system.js')) as {
  distributionsOf(text: string): string[]
}

const DESKTOP = {
  platform: 'linux',
  distributions: ['debian'],
  isContainer: false,
  isWsl: false,
  isSsh: false,
  isKde: false,
  hasSessionBus: true,
  hasKeyringDaemon: true,
}
const SERVER = { ...DESKTOP, hasSessionBus: false, hasKeyringDaemon: false }

const keyring = { works: false, durationMs: null, remediation: 'General remedy', why: 'why', chosenBy: null }
const missing: Partial<DoctorReport> = {
  keyring: { ...keyring, backend: 'none', code: 'UNAVAILABLE', message: 'no session bus' },
  problems: [
    {
      severity: 'info',
      message: 'No keyring: no session bus. Keys are kept in encrypted files',
      remedy: 'General remedy',
    },
  ],
}
const locked: Partial<DoctorReport> = {
  keyring: { ...keyring, backend: 'Secret Service', code: 'LOCKED', message: 'the keyring is locked' },
  problems: [
    {
      severity: 'error',
      message: 'The Secret Service does not work (LOCKED): the keyring is locked',
      remedy: 'General remedy',
    },
  ],
}
const UNLOCK =
  'read -rsp "Login password: " p && printf %s "$p" | gnome-keyring-daemon --replace --unlock >/dev/null 2>&1; unset p'

describe('R8 llxprt-key doctor advises', () => {
  test.each([
    ['a Debian without a keyring', SERVER, 'sudo apt install gnome-keyring'],
    [
      'an Ubuntu derivative',
      { ...SERVER, distributions: ['pop', 'ubuntu', 'debian'] },
      'sudo apt install gnome-keyring',
    ],
    ['Fedora', { ...SERVER, distributions: ['fedora'] }, 'sudo dnf install gnome-keyring'],
    ['Arch', { ...SERVER, distributions: ['arch'] }, 'sudo pacman -S gnome-keyring'],
    ['openSUSE', { ...SERVER, distributions: ['opensuse-leap', 'suse'] }, 'sudo zypper install gnome-keyring'],
    ['Alpine', { ...SERVER, distributions: ['alpine'] }, 'sudo apk add gnome-keyring'],
    ['an unknown distribution', { ...SERVER, distributions: ['x'] }, 'install gnome-keyring with the package manager'],
    ['KDE', { ...SERVER, isKde: true }, 'sudo apt install kwalletmanager'],
    ['a container', { ...SERVER, isContainer: true }, 'In a container, encrypted files are right.'],
    ['WSL', { ...SERVER, isWsl: true }, 'On WSL, encrypted files are the usual choice.'],
    ['a system without a session bus', { ...SERVER, hasKeyringDaemon: true }, 'dbus-run-session -- bash'],
    ['ssh', { ...DESKTOP, isSsh: true }, UNLOCK],
    ['a desktop', DESKTOP, 'gnome-keyring-daemon --start'],
    ['another platform', { ...SERVER, platform: 'freebsd' }, 'General remedy'],
  ])('%s without a keyring, as a note', (_, system, remedy) => {
    expect(advise(missing, system)).toEqual([
      { severity: 'info', message: missing.problems?.[0]?.message, remedy: expect.stringContaining(remedy) },
    ])
  })

  test.each([
    ['over ssh', { ...DESKTOP, isSsh: true }, `Unlock the login keyring in this ssh session: ${UNLOCK}`],
    ['on a desktop', DESKTOP, 'Unlock the keyring: open "Passwords and Keys"'],
    ['on KDE', { ...DESKTOP, isKde: true }, 'Unlock the wallet'],
    ['on macOS over ssh', { ...DESKTOP, platform: 'darwin', isSsh: true }, 'security unlock-keychain'],
    ['on macOS', { ...DESKTOP, platform: 'darwin' }, 'General remedy'],
  ])('how to unlock the keyring %s, as a problem', (_, system, remedy) => {
    expect(advise(locked, system)).toEqual([
      { severity: 'error', message: locked.problems?.[0]?.message, remedy: expect.stringContaining(remedy) },
    ])
  })

  test('on the most important problem first', () => {
    const problems = [
      ...(missing.problems ?? []),
      { message: 'modes', remedy: 'chmod' },
      { severity: 'error', message: 'unreadable', remedy: 'save it again' },
    ]
    const advice = advise({ ...missing, problems }, SERVER)
    expect(advice.map(({ severity }) => severity)).toEqual(['error', 'warning', 'info'])
  })

  test('by the names in os-release', () => {
    expect(distributionsOf('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n')).toEqual([
      'linuxmint',
      'ubuntu',
      'debian',
    ])
    expect(distributionsOf('')).toEqual([])
  })
})

describe('R8 llxprt-key doctor', () => {
  test('gives advice for this system, and exits with 0 without a keyring', async () => {
    const env = { ...inFiles(), LLXPRT_DISABLE_OS_KEYRING: '', DBUS_SESSION_BUS_ADDRESS: '', PATH: newDirectory() }
    const { code, stdout } = await llxprtKey(['doctor'], { ...env, container: 'podman' })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Note: No keyring: .+\n {2}In a container, encrypted files are right\./m)
    const { problems } = JSON.parse((await llxprtKey(['doctor', '--json'], env)).stdout) as { problems: Problem[] }
    expect(problems.map(({ severity }) => severity)).toEqual(['info'])
  })

  test.each([
    ['LLXPRT_DATA_HOME', { LLXPRT_DATA_HOME: 'data', LLXPRT_CONFIG_HOME: 'config' }, 'data'],
    ['LLXPRT_CONFIG_HOME', { LLXPRT_CONFIG_HOME: 'config' }, 'config'],
    ["the platform's data directory", { XDG_DATA_HOME: 'xdg' }, 'xdg/llxprt-code'],
    ['the default', { LLXPRT_DATA_HOME: ' ', XDG_DATA_HOME: 'elsewhere' }, '.llxprt'],
  ])('finds keys and names the data directory by the rule of %s', async (_, variables, expected) => {
    const env = inFiles()
    mkdirSync(path.join(env.HOME, 'xdg/llxprt-code'), { recursive: true })
    const absolute = Object.entries(variables).map(([name, value]) => [
      name,
      value.trim() ? path.join(env.HOME, value) : value,
    ])
    const all = { ...env, ...Object.fromEntries(absolute) }
    expect((await llxprtKey(['save', 'work'], all, 'a key')).stdout).toContain('in an encrypted file')
    expect(existsSync(path.join(env.HOME, expected, 'provider-keys/work.enc'))).toBe(true)
    expect(JSON.parse((await llxprtKey(['get', 'work', '--json'], all)).stdout)).toMatchObject({ place: 'file' })
    const { code, stdout } = await llxprtKey(['doctor'], all)
    expect([code, stdout]).toEqual([0, expect.stringContaining(`\nData directory: ~/${expected} (`)])
  })

  test.each([
    [
      'a relative XDG_DATA_HOME',
      (home: string) => ({ XDG_DATA_HOME: path.relative('.', `${home}/xdg`) }),
      'xdg/llxprt-code',
    ],
    ['an empty XDG_DATA_HOME', () => ({ XDG_DATA_HOME: '' }), '.local/share/llxprt-code'],
    ['blanks around LLXPRT_DATA_HOME', (home: string) => ({ LLXPRT_DATA_HOME: ` ${home}/data ` }), 'data'],
    [
      'a relative LLXPRT_DATA_HOME',
      (home: string) => ({ LLXPRT_DATA_HOME: 'data', LLXPRT_CONFIG_HOME: `${home}/config` }),
      'config',
    ],
  ])('uses the same data directory as the package with %s', async (_, variables, expected) => {
    const env = inFiles()
    for (const folder of ['xdg/llxprt-code', '.local/share/llxprt-code']) {
      mkdirSync(path.join(env.HOME, folder), { recursive: true })
    }
    const all = { ...env, ...variables(env.HOME) }
    const directory = path.join(env.HOME, expected)
    expect((await llxprtKey(['use', 'files'], all)).stdout).toContain(`(chosen by ${directory}/keyring.json)`)
    expect((await llxprtKey(['save', 'work'], all, 'a key')).stdout).toContain('in an encrypted file')
    const report = JSON.parse((await llxprtKey(['doctor', '--json'], all)).stdout) as DoctorReport
    expect(report.dataDirectory.path).toBe(directory)
    expect(existsSync(path.join(directory, 'provider-keys/work.enc'))).toBe(true)
    expect(JSON.parse((await llxprtKey(['get', 'work', '--json'], all)).stdout)).toMatchObject({ place: 'file' })
  })

  test('prints over ssh a command that unlocks the keyring', async () => {
    const keyring = await PrivateKeyring.start()
    const HOME = newDirectory()
    const env = {
      ...process.env,
      ...keyring.environment(),
      HOME,
      XDG_DATA_HOME: HOME,
      SSH_CONNECTION: '::1 1 ::1 22',
      LLXPRT_DISABLE_OS_KEYRING: '',
    }
    const unlock = (command: string) =>
      execFileSync('bash', ['-c', command], { env, input: 'password\n', stdio: 'pipe' })
    try {
      // Creates a login keyring with this password.
      unlock(UNLOCK)
      expect((await llxprtKey(['save', 'work'], env, 'a key')).stdout).toContain('in the OS keyring')
      keyring.lock()
      const { code, stdout } = await llxprtKey(['doctor'], env)
      expect([code, stdout]).toEqual([1, expect.stringContaining(UNLOCK)])
      // Every command says it, not only the doctor, and on a terminal the command is one line, to be copied.
      for (const command of ['get work', 'show work'])
        expect(await llxprtKey(command.split(' '), env)).toEqual(failed(UNLOCK))
      for (const command of ['doctor', 'show work']) {
        const terminal = new Terminal(`stty cols 60; ${LLXPRT_KEY_COMMAND} ${command}`, { ...env, NO_COLOR: '1' })
        expect(await terminal.ended).toBe(1)
        expect(terminal.screen.split('\r\n').map((line) => line.trim())).toContain(UNLOCK)
      }
      unlock(/session: (.*)/.exec(stdout)?.[1] ?? '')
      expect(await llxprtKey(['get', 'work'], env)).toEqual(done('a key\n'))
    } finally {
      keyring.stop()
    }
  })

  test.runIf(process.platform === 'linux')(
    'exits with 1 if keys can be saved neither in a keyring nor in files',
    () => {
      const env = { ...process.env, ...inFiles() }
      // Only root may mount a file system. Another user becomes root in a user namespace.
      const root = process.getuid?.() === 0 ? [] : ['--map-root-user']
      const mounted = `mount -t tmpfs -o ro tmpfs "$HOME" && exec ${LLXPRT_KEY_COMMAND} doctor`
      const { status, stdout } = spawnSync('unshare', [...root, '--mount', 'sh', '-c', mounted], {
        encoding: 'utf8',
        env,
      })
      expect([status, stdout]).toEqual([
        1,
        expect.stringContaining(
          `Problem: Keys cannot be saved in files: Cannot write to ${env.HOME}: Read-only file system`,
        ),
      ])
    },
  )

  test('names keys in ~/.llxprt that are not read because the data directory of the platform exists', async () => {
    const env = inFiles()
    expect((await llxprtKey(['save', 'work'], env, 'a key')).code).toBe(0)
    const used = path.join(env.HOME, '.local/share/llxprt-code')
    mkdirSync(used, { recursive: true })
    const { code, stdout } = await llxprtKey(['doctor'], { ...env, XDG_DATA_HOME: '' })
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(`Note: There are keys in ${env.HOME}/.llxprt, which is not read, and none in ${used} (`),
    ])
  })

  test.each([60, 80, 120])('prints a table that fits %i columns of a terminal', async (columns) => {
    const env = inFiles()
    expect((await llxprtKey(['save', 'work'], env, 'a key')).code).toBe(0)
    const long = path.join(env.HOME, '.llxprt/secure-store', 'a-service-with-a-name-that-is-longer-than-the-terminal')
    mkdirSync(long, { recursive: true, mode: 0o700 })
    writeFileSync(path.join(files(env.HOME), 'damaged.enc'), 'damaged')
    chmodSync(path.join(files(env.HOME), 'work.enc'), 0o644)
    const terminal = new Terminal(`stty cols ${columns}; ${LLXPRT_KEY_COMMAND} doctor`, { ...env, NO_COLOR: '1' })
    expect(await terminal.ended).toBe(1)
    const lines = terminal.screen.split('\r\n')
    // Only a line that cannot be broken, such as a path, may be wider.
    expect(lines.filter((line) => line.trim().includes(' ') && [...line].length > columns)).toEqual([])
    expect(terminal.screen).toMatch(/^stored +keyring +files +directory\r$/m)
    expect(terminal.screen).toMatch(/^provider key.* +- +2 +~\/\.llxprt\S+\r$/m)
    // The damaged key comes first, because it is the more severe problem.
    expect(terminal.screen).toMatch(/Problem: Key 'damaged' .*Problem: Others have/s)
  })
})
