// `git-credential-llxprt`, called by git and directly with the lines of its protocol.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { SecureStore } from '@llxprt/securestore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { PrivateKeyring } from './support/keyring'
import { ROOT } from './support/node'

const PROGRAM = path.join(ROOT, 'bin/git-credential-llxprt.js')
const PASSWORD = 'a=password, with = and spaces 🔑'

let env: NodeJS.ProcessEnv

/** Creates a home in which git uses the helper and does not prompt. */
function newHome(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const HOME = newDirectory()
  const bin = path.join(HOME, 'bin')
  mkdirSync(bin)
  symlinkSync(PROGRAM, path.join(bin, 'git-credential-llxprt'))
  symlinkSync(process.execPath, path.join(bin, 'node'))
  writeFileSync(path.join(HOME, '.gitconfig'), '[credential]\n\thelper = llxprt\n')
  const PATH = `${bin}:${process.env.PATH}`
  return { ...process.env, HOME, PATH, GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '', GIT_CONFIG_NOSYSTEM: '1', ...more }
}

const lines = (attributes: Record<string, string>) =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')

/** Runs `git credential`, which calls the helper. */
function git(action: 'fill' | 'approve' | 'reject', attributes: Record<string, string>, given = env) {
  const { status, stdout } = spawnSync('git', ['credential', action], {
    env: given,
    input: `${lines(attributes)}\n`,
    encoding: 'utf8',
  })
  return { status, stdout }
}

function helper(action: string, input: string, given = env): string {
  return execFileSync(process.execPath, [PROGRAM, action], { env: given, input, encoding: 'utf8' })
}

const URL = { protocol: 'https', host: 'example.com' }

describe('R7 git-credential-llxprt, called by git,', () => {
  test('returns an approved credential until it is rejected', () => {
    env = newHome()
    const credential = { ...URL, username: 'alice', password: PASSWORD }
    expect(git('fill', URL).status).not.toBe(0)
    expect(git('approve', credential)).toEqual({ status: 0, stdout: '' })
    expect(git('fill', URL)).toEqual({ status: 0, stdout: lines(credential) })
    expect(git('fill', { ...URL, username: 'alice' }).stdout).toContain(PASSWORD)
    expect(git('fill', { ...URL, username: 'bob' }).status).not.toBe(0)
    for (const other of [{ host: 'example.org' }, { host: 'example.com:8443' }, { protocol: 'http' }]) {
      expect(git('fill', { ...URL, ...other }).status).not.toBe(0)
    }
    expect(git('reject', credential)).toEqual({ status: 0, stdout: '' })
    expect(git('fill', URL).status).not.toBe(0)
  })

  test('keeps the users of a host apart', () => {
    env = newHome()
    for (const username of ['alice', 'bob']) git('approve', { ...URL, username, password: `of ${username}` })
    git('approve', { ...URL, username: 'alice', password: 'newer' })
    expect(git('fill', { ...URL, username: 'bob' }).stdout).toContain('password=of bob\n')
    // Without a user name git gets the one that was stored last.
    expect(git('fill', URL).stdout).toContain('username=alice\npassword=newer\n')
    git('reject', { ...URL, username: 'alice', password: 'newer' })
    expect(git('fill', URL).stdout).toContain('username=bob\n')
  })

  test('keeps a password that is not the rejected one', () => {
    env = newHome()
    git('approve', { ...URL, username: 'alice', password: 'new' })
    git('reject', { ...URL, username: 'alice', password: 'old' })
    expect(git('fill', URL).stdout).toContain('password=new\n')
  })

  test('keeps paths apart if git uses them', () => {
    env = newHome()
    writeFileSync(path.join(env.HOME ?? '', '.gitconfig'), '[credential]\n\thelper = llxprt\n\tuseHttpPath = true\n')
    for (const file of ['one.git', 'group/two.git']) {
      git('approve', { ...URL, path: file, username: 'alice', password: `of ${file}` })
    }
    expect(git('fill', { ...URL, path: 'one.git' }).stdout).toContain('password=of one.git\n')
    expect(git('fill', { ...URL, path: 'group/two.git' }).stdout).toContain('password=of group/two.git\n')
    expect(git('fill', { ...URL, path: 'three.git' }).status).not.toBe(0)
  })

  test('keeps the expiry and the refresh token', () => {
    env = newHome()
    const expiry = String(Math.floor(Date.now() / 1000) + 3600)
    // In the order in which git prints them.
    const token = { oauth_refresh_token: 'refresh', password_expiry_utc: expiry }
    git('approve', { ...URL, username: 'alice', password: 'p', ...token })
    expect(git('fill', URL).stdout).toBe(lines({ ...URL, username: 'alice', password: 'p', ...token }))
  })
})

describe('R7 git-credential-llxprt', () => {
  test('returns a token of another authentication type only to a git that supports the type', () => {
    env = newHome()
    const token = { authtype: 'Bearer', credential: 'token' }
    helper('store', lines({ ...URL, ...token }))
    expect(helper('get', lines({ 'capability[]': 'authtype', ...URL }))).toBe(
      lines({ 'capability[]': 'authtype', ...token }),
    )
    expect(helper('get', lines(URL))).toBe('')
    helper('store', lines({ ...URL, username: 'x', ...token, credential: 'other', ephemeral: '1' }))
    expect(helper('get', lines({ 'capability[]': 'authtype', ...URL, username: 'x' }))).toBe('')
  })

  test('stores nothing incomplete, and ignores unknown attributes and actions', () => {
    env = newHome()
    for (const missing of ['protocol', 'host', 'username', 'password'] as const) {
      const { [missing]: _, ...rest } = { ...URL, username: 'alice', password: 'p' }
      expect(helper('store', lines(rest))).toBe('')
    }
    expect(helper('get', lines(URL))).toBe('')
    expect(helper('get', '')).toBe('')
    expect(helper('frobnicate', lines(URL))).toBe('')
    helper('store', lines({ ...URL, username: 'alice', password: 'p', future: 'attribute' }))
    expect(helper('get', `${lines({ ...URL, future: 'attribute' })}\nhost=ignored.example\n`)).toBe(
      lines({ username: 'alice', password: 'p' }),
    )
  })

  test('does not return a stored value with a line break, which could add an attribute', async () => {
    env = newHome()
    helper('store', lines({ ...URL, username: 'alice', password: 'p' }))
    const folder = path.join(env.HOME ?? '', '.llxprt/secure-store/llxprt-git-credentials')
    const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.enc'))
    expect(file).toBe('https%3Aexample.com.enc')
    const store = new SecureStore('llxprt-git-credentials', { fallbackDir: folder, machineSecretPath: secretOf(env) })
    await store.set('https:example.com', JSON.stringify([{ username: 'alice', password: 'p\nhost=evil.example' }]))
    expect(helper('get', lines(URL))).toBe('')
    await store.set('https:example.com', 'damaged')
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'get'], {
      env,
      input: lines(URL),
      encoding: 'utf8',
    })
    expect([status, stdout, stderr]).toEqual([1, '', expect.stringContaining('stored git credentials are damaged')])
  })

  test('keeps every credential of a host that several processes store at the same time', async () => {
    env = newHome()
    const users = ['alice', 'bob', 'carol', 'dave']
    const stored = users.map((username) => {
      const child = spawn(process.execPath, [PROGRAM, 'store'], { env, stdio: ['pipe', 'inherit', 'inherit'] })
      child.stdin.end(lines({ ...URL, username, password: `of ${username}` }))
      return new Promise((resolve) => child.on('close', resolve))
    })
    expect(await Promise.all(stored)).toEqual(users.map(() => 0))
    for (const username of users) {
      expect(helper('get', lines({ ...URL, username }))).toBe(lines({ username, password: `of ${username}` }))
    }
  })

  test('prints its usage', () => {
    env = newHome()
    expect(helper('--help', '')).toMatch(/^Usage: git-credential-llxprt get\|store\|erase/)
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM], { env, encoding: 'utf8' })
    expect([status, stderr]).toEqual([2, expect.stringContaining('Usage:')])
  })

  describe('with a keyring', () => {
    let keyring: PrivateKeyring
    beforeAll(async () => {
      keyring = await PrivateKeyring.start()
    })
    afterAll(() => keyring.stop())

    test('keeps the credentials there', () => {
      env = newHome({ DBUS_SESSION_BUS_ADDRESS: keyring.address, LLXPRT_DISABLE_OS_KEYRING: '' })
      git('approve', { ...URL, username: 'alice', password: PASSWORD })
      const attributes = ['service', 'llxprt-git-credentials', 'username', 'https:example.com']
      const stored = execFileSync('secret-tool', ['lookup', ...attributes], { env, encoding: 'utf8' })
      expect(JSON.parse(stored)).toEqual([{ username: 'alice', password: PASSWORD }])
      expect(git('fill', URL).stdout).toContain(PASSWORD)
      git('reject', URL)
      expect(git('fill', URL).status).not.toBe(0)
    })
  })
})

function secretOf({ HOME = '' }: NodeJS.ProcessEnv): string {
  return path.join(HOME, '.llxprt/machine_secret')
}
