// `llxprt-key` with a real gnome-keyring, with a locked one and without one, and `llxprt-key doctor` for each.

import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { PrivateKeyring } from './support/keyring'
import { runNode } from './support/node'
import { done, failed, files, inFiles, llxprtKey } from './support/shell'

const KEY = 'piped-and-never-shown-0123'
const MASKED = `pi${'*'.repeat(KEY.length - 4)}23`

async function save(env: NodeJS.ProcessEnv, ...names: string[]) {
  for (const name of names) expect((await llxprtKey(['save', name], env, KEY)).code).toBe(0)
}

describe('R1 llxprt-key with a keyring', () => {
  let keyring: PrivateKeyring
  const inKeyring = () => {
    const DBUS_SESSION_BUS_ADDRESS = keyring.address
    return { HOME: newDirectory(), DBUS_SESSION_BUS_ADDRESS, LLXPRT_DISABLE_OS_KEYRING: '' }
  }
  beforeAll(async () => {
    keyring = await PrivateKeyring.start()
  })
  afterAll(() => keyring.stop())

  test('saves keys in the keyring, reports that, and reads them back', async () => {
    const env = inKeyring()
    const saved = await llxprtKey(['save', 'work'], env, KEY)
    expect(saved).toEqual(done(`Saved key 'work' (${MASKED}) in the OS keyring\n`))
    const attributes = ['service', 'llxprt-code-provider-keys', 'username', 'work']
    const bus = { ...process.env, ...env }
    expect(execFileSync('secret-tool', ['lookup', ...attributes], { encoding: 'utf8', env: bus })).toBe(KEY)
    expect(await llxprtKey(['save', 'work'], env, KEY)).toEqual(failed("Key 'work' already exists."))
    expect((await llxprtKey(['rename', 'work', 'home'], env)).code).toBe(0)
    await save({ ...env, LLXPRT_DISABLE_OS_KEYRING: '1' }, 'once-in-a-file')
    // The list reads the keys, which moves one that is newer in a file to the keyring.
    const listed: unknown = JSON.parse((await llxprtKey(['list', '--json'], env)).stdout)
    const key = (name: string) => ({ name, place: 'keyring', readable: true })
    expect(listed).toEqual({ keys: [key('home'), key('once-in-a-file')] })
    expect(await llxprtKey(['doctor'], env)).toEqual(
      done(
        expect.stringMatching(
          /^OS keyring: Secret Service, answers in [\d.]+ ms\nData directory: ~\/\.llxprt \(the default\)\nprovider keys: 2 in the keyring, 0 in files .*\ntool keys: 0 in the/,
        ),
      ),
    )
    expect(await llxprtKey(['run', 'home', '--', 'sh', '-c', 'echo "$' + '{#API_KEY}"'], env)).toEqual(
      done(`${KEY.length}\n`),
    )
    expect((await llxprtKey(['delete', 'home', '--force'], env)).code).toBe(0)
    expect((await llxprtKey(['list'], env)).stdout).toBe(`once-in-a-file  ${MASKED}\n`)
  })

  test('R18 saves keys in files while the keyring is locked, and reports that', async () => {
    const env = inKeyring()
    await save(env, 'behind')
    keyring.lock()
    // Names are readable while the keyring is locked, values are not.
    expect(await llxprtKey(['list'], env)).toEqual(
      done('behind          (unable to retrieve)\nonce-in-a-file  (unable to retrieve)\n'),
    )
    expect((await llxprtKey(['save', 'behind'], env, 'another key')).code).toBe(1)
    expect(await llxprtKey(['save', 'new', '--force'], env, KEY)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('in an encrypted file'),
    })
    expect((await llxprtKey(['show', 'new'], env)).stdout).toContain(MASKED)
    expect(await llxprtKey(['list'], env)).toEqual(
      done(`behind          (unable to retrieve)\nnew             ${MASKED}\nonce-in-a-file  (unable to retrieve)\n`),
    )
    const asJson = await llxprtKey(['list', '--json'], env)
    expect(JSON.parse(asJson.stdout)).toEqual({
      keys: [
        { name: 'behind', place: 'keyring', readable: false },
        { name: 'new', place: 'file', readable: true },
        { name: 'once-in-a-file', place: 'keyring', readable: false },
      ],
    })
    expect(await llxprtKey(['export'], env, 'a passphrase')).toEqual(
      failed("Key 'behind' cannot be read: The keyring is locked"),
    )
    const { code, stdout } = await llxprtKey(['doctor'], env)
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^OS keyring: Secret Service, does not work\nData directory: .*\nprovider keys: unknown in the keyring, 1 in files/,
    )
    expect(stdout).toMatch(/Problem: The Secret Service does not work .+\n {2}.*(unlock|permissions)/i)
  })

  test('R18 doctor reports a missing keyring as a note and exits with 0 if the files work', async () => {
    const env = { HOME: newDirectory(), DBUS_SESSION_BUS_ADDRESS: '', LLXPRT_DISABLE_OS_KEYRING: '' }
    await save(env, 'work')
    const { code, stdout } = await llxprtKey(['doctor'], env)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^OS keyring: none \(.+\)\nData directory: .*\nprovider keys: 1 in files/)
    expect(stdout).toMatch(/\nNote: No keyring: .+\n {2}.+\n$/)
    expect(stdout).not.toContain('Problem:')
    expect((await llxprtKey(['doctor'], { ...env, LLXPRT_DISABLE_OS_KEYRING: '1' })).code).toBe(0)
  })
})

describe('R18 llxprt-key doctor', () => {
  test('--json prints the report of doctor(), without any key', async () => {
    const env = inFiles()
    await save(env, 'work')
    const { code, stdout } = await llxprtKey(['doctor', '--json'], env)
    expect(code).toBe(0)
    const report = JSON.parse(await runNode('console.log(JSON.stringify(await securestore.doctor()))', env)) as object
    expect(JSON.parse(stdout)).toEqual(report)
    expect(report).toMatchObject({
      keyring: { works: false, code: null },
      places: [{ name: 'provider keys', directory: files(env.HOME), fileKeys: 1 }, { name: 'tool keys' }],
      problems: [],
    })
  })

  test('names the key that cannot be read, and the remedy', async () => {
    const env = inFiles()
    await save(env, 'good', 'bad')
    writeFileSync(path.join(files(env.HOME), 'bad.enc'), 'damaged')
    const { code, stdout } = await llxprtKey(['doctor'], env)
    expect(code).toBe(1)
    expect(stdout).toMatch(/Problem: Key 'bad' cannot be read: .*\n {2}.*Re-save the key/)
    expect(stdout).not.toMatch(/'good'|No problems/)
    expect(stdout).not.toContain(KEY.slice(0, 4))
    const problems = [
      {
        severity: 'error',
        message: expect.stringContaining("'bad'"),
        remedy: expect.stringContaining('Re-save the key'),
      },
    ]
    expect(JSON.parse((await llxprtKey(['doctor', '--json'], env)).stdout)).toMatchObject({ problems })
  })

  test('reports files that others can read before it tightens their mode', async () => {
    const env = inFiles()
    await save(env, 'work')
    chmodSync(path.join(files(env.HOME), 'work.enc'), 0o644)
    const { code, stdout } = await llxprtKey(['doctor'], env)
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/Problem: Others have access to 1 files? in .*\n {2}chmod 600/),
    ])
  })
})
