// `doctor()`: the report about keyring, keys and problems.

import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type DoctorReport, doctor, findLegacyData, ProviderKeyStorage, SecureStore } from '@llxprt/securestore'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { codeOf, FakeKeyring, noKeyring } from './support/helpers'
import { PrivateKeyring } from './support/keyring'
import { ROOT } from './support/node'

const home = () => process.env.HOME ?? ''
const below = (...parts: string[]) => path.join(home(), '.llxprt', ...parts)
const place = (report: DoctorReport, name: string) => report.places.find((place) => place.name === name)

afterEach(() => rmSync(below(), { recursive: true, force: true }))

describe('R8 doctor, without a keyring,', () => {
  test('reports why, finds nothing in an empty home, and creates nothing there', async () => {
    const report = await doctor()
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string }
    expect(report.versions).toEqual({
      addon: version,
      platform: `${process.platform}-${process.arch}`,
      runtime: process.versions.bun ? `bun ${process.versions.bun}` : `node ${process.versions.node}`,
    })
    expect(report.keyring).toEqual({
      backend: 'none',
      why: 'the OS keyring is switched off (LLXPRT_DISABLE_OS_KEYRING=1 or a setting of the program)',
      chosenBy: null,
      works: false,
      durationMs: null,
      code: null,
      message: null,
      remediation: null,
    })
    const nothing = {
      keyringKeys: null,
      fileKeys: 0,
      directoryMode: null,
      directoryTooOpen: false,
      filesTooOpen: 0,
    }
    expect(report.places).toEqual([
      {
        name: 'provider keys',
        service: 'llxprt-code-provider-keys',
        directory: below('provider-keys'),
        ...nothing,
      },
      { name: 'tool keys', service: 'llxprt-code-tool-keys', directory: below('tools'), ...nothing },
    ])
    expect([report.legacy, report.problems]).toEqual([[], []])
    expect(readdirSync(home())).toEqual([])
  })

  test('counts the keys in files without naming one', async () => {
    const keys = new ProviderKeyStorage()
    await keys.saveKey('secret-name', 'sk-secret')
    await keys.saveKey('secret-name-2', 'sk-secret')
    await new SecureStore('a service: of mine', { keyringLoader: noKeyring }).set('secret-name', 'sk-secret')
    const report = await doctor()
    expect(place(report, 'provider keys')).toMatchObject({
      fileKeys: 2,
      directoryMode: '0700',
      directoryTooOpen: false,
    })
    expect(place(report, 'a service: of mine')).toMatchObject({ service: 'a service: of mine', fileKeys: 1 })
    expect(JSON.stringify(report)).not.toMatch(/secret-name|sk-secret/)
    expect(report.problems).toEqual([])
  })

  test('counts no key that was deleted while the keyring was locked', async () => {
    const keyring = new FakeKeyring()
    keyring.failure = new Error('the keyring is locked')
    const store = new SecureStore('locked', { keyringLoader: keyring.loader })
    await store.set('kept', 'sk-secret')
    await store.set('deleted', 'sk-secret')
    expect(await codeOf(store.delete('deleted'))).toBe('LOCKED')
    expect(place(await doctor(), 'locked')).toMatchObject({ fileKeys: 1 })
  })

  test('reports modes that are too open, and does not tighten them', async () => {
    await new ProviderKeyStorage().saveKey('secret-name', 'sk-secret')
    const directory = below('provider-keys')
    const file = path.join(directory, 'secret-name.enc')
    chmodSync(directory, 0o755)
    chmodSync(file, 0o644)
    const report = await doctor()
    expect(place(report, 'provider keys')).toMatchObject({
      directoryMode: '0755',
      directoryTooOpen: true,
      filesTooOpen: 1,
    })
    expect(report.problems).toEqual([
      {
        severity: 'warning',
        message: `Others have access to ${directory}: its mode is 0755`,
        remedy: `chmod 700 '${directory}'`,
      },
      {
        severity: 'warning',
        message: `Others have access to 1 files in ${directory}`,
        remedy: `chmod 600 '${directory}'/*.enc`,
      },
    ])
    expect([statSync(directory).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o755, 0o644])
  })

  test('reports legacy data with the remedy', async () => {
    mkdirSync(below('tools'), { recursive: true, mode: 0o700 })
    writeFileSync(below('tools', 'exa.key'), '')
    const report = await doctor()
    expect(report.legacy).toEqual(await findLegacyData())
    expect(report.legacy).toHaveLength(1)
    expect(report.problems).toEqual([
      {
        severity: 'warning',
        message: expect.stringContaining(below('tools', 'exa.key')),
        remedy: report.legacy[0]?.message,
      },
    ])
  })

  test('reports a file that has the path of a directory', async () => {
    mkdirSync(below(), { recursive: true })
    writeFileSync(below('tools'), '')
    const report = await doctor()
    expect(place(report, 'tool keys')).toMatchObject({ fileKeys: null, directoryMode: null })
    expect(report.problems[0]?.message).toContain(below('tools'))
  })

  test('reports no keyring for a bus address where nothing listens', async () => {
    const before = { ...process.env }
    process.env.LLXPRT_DISABLE_OS_KEYRING = ''
    process.env.DBUS_SESSION_BUS_ADDRESS = 'unix:path=/nonexistent/bus'
    const report = await doctor()
    Object.assign(process.env, before)
    delete process.env.DBUS_SESSION_BUS_ADDRESS
    expect(report.keyring).toMatchObject({ backend: 'none', works: false, durationMs: null, code: 'UNAVAILABLE' })
    expect(report.problems).toHaveLength(1)
    expect(report.problems[0]?.severity).toBe('info')
    expect(report.problems[0]?.message).toMatch(/^No keyring: .*Keys are kept in encrypted files$/)
  })

  test.each([[null], ['text'], [{ keyringTimeoutMs: 0 }], [{ keyringTimeoutMs: 'soon' }]])(
    'rejects with a TypeError for the options %j',
    async (options) => {
      await expect(doctor(options as never)).rejects.toBeInstanceOf(TypeError)
    },
  )
})

describe('R8 doctor, with a keyring,', () => {
  let keyring: PrivateKeyring
  beforeAll(async () => {
    keyring = await PrivateKeyring.start()
    process.env.DBUS_SESSION_BUS_ADDRESS = keyring.address
    process.env.LLXPRT_DISABLE_OS_KEYRING = ''
  })
  afterAll(() => keyring.stop())

  test('reports that it works and how long it took, counts its keys, and leaves nothing in it', async () => {
    const keys = new ProviderKeyStorage()
    await keys.saveKey('one', 'sk-secret')
    await keys.saveKey('two', 'sk-secret')
    for (let round = 0; round < 2; round++) {
      const report = await doctor()
      expect(report.keyring).toMatchObject({ backend: 'Secret Service', works: true, code: null, message: null })
      expect(report.keyring.durationMs).toBeGreaterThan(0)
      expect(place(report, 'provider keys')).toMatchObject({ keyringKeys: 2, fileKeys: 0 })
      expect(place(report, 'tool keys')).toMatchObject({ keyringKeys: 0 })
      expect(report.problems).toEqual([])
    }
  })

  test('reports that it is locked, with the remedy', async () => {
    keyring.lock()
    const report = await doctor()
    expect(report.keyring).toMatchObject({ backend: 'Secret Service', works: false })
    expect(['LOCKED', 'DENIED']).toContain(report.keyring.code)
    expect(place(report, 'provider keys')).toMatchObject({ keyringKeys: null })
    expect(report.problems).toEqual([
      { severity: 'error', message: expect.any(String), remedy: report.keyring.remediation },
    ])
  })

  test('reports TIMEOUT when it does not answer within keyringTimeoutMs', async () => {
    keyring.pause()
    const report = await doctor({ keyringTimeoutMs: 500 })
    expect(report.keyring).toMatchObject({ works: false, code: 'TIMEOUT' })
    // A time limit never expires early, on a machine of any speed.
    expect(report.keyring.durationMs).toBeGreaterThanOrEqual(500)
  })
})
