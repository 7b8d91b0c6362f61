// The data directory, `configure` and `setOsKeyringDisabledBySetting`.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import {
  type Configuration,
  configure,
  createDefaultKeyringAdapter,
  doctor,
  findLegacyData,
  getProviderKeyStorage,
  getToolKeyStorage,
  KeychainTokenStorage,
  ProviderKeyStorage,
  SecureStore,
  setOsKeyringDisabledBySetting,
} from '@llxprt/securestore'
import { afterEach, describe, expect, inject, test } from 'vitest'
import { FakeKeyring, newDirectory } from './support/helpers'
import { ROOT, runNode } from './support/node'

const CLEARED = {
  dataDir: null,
  machineSecretPath: null,
  lockDir: null,
  osKeyringDisabled: null,
  logger: null,
  keyring: null,
}

afterEach(() => {
  configure(CLEARED)
  for (const name of ['LLXPRT_DATA_HOME', 'LLXPRT_CONFIG_HOME', 'XDG_DATA_HOME']) delete process.env[name]
})

/** Stores a value with each class, and returns the files below the directory. */
async function filesBelow(dataDir: string): Promise<string[]> {
  await getProviderKeyStorage().saveKey('work', 'sk')
  await getToolKeyStorage().saveKey('exa', 'sk')
  await new SecureStore('a:b').set('key', 'value')
  await new KeychainTokenStorage('tokens').setCredentials({
    serverName: 'server',
    token: { accessToken: 't', tokenType: 'Bearer' },
  })
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
  return files.filter((file) => file.endsWith('.enc')).sort()
}

const FILES = [
  'provider-keys/work.enc',
  'secure-store/a%3Ab/key.enc',
  'secure-store/tokens/server.enc',
  'tools/exa.enc',
]

describe('the data directory', () => {
  test('is the configured one, for all classes and for the process-wide instances', async () => {
    const dataDir = newDirectory()
    process.env.LLXPRT_DATA_HOME = newDirectory()
    configure({ dataDir })
    expect(await filesBelow(dataDir)).toEqual(FILES)
    expect(readdirSync(process.env.LLXPRT_DATA_HOME)).toEqual([])
  })

  test('is LLXPRT_DATA_HOME, else LLXPRT_CONFIG_HOME, trimmed and only if it is an absolute path', async () => {
    const [data, config] = [newDirectory(), newDirectory()]
    process.env.LLXPRT_CONFIG_HOME = config
    process.env.LLXPRT_DATA_HOME = ` ${data} `
    configure(CLEARED)
    expect(await filesBelow(data)).toEqual(FILES)
    process.env.LLXPRT_DATA_HOME = 'relative'
    configure(CLEARED)
    expect(await filesBelow(config)).toEqual(FILES)
  })

  test.runIf(process.platform === 'linux')('is that of the platform if it exists, else ~/.llxprt', async () => {
    process.env.XDG_DATA_HOME = newDirectory()
    const platform = path.join(process.env.XDG_DATA_HOME, 'llxprt-code')
    configure(CLEARED)
    expect(await filesBelow(path.join(process.env.HOME ?? '', '.llxprt'))).toEqual(FILES)
    expect(existsSync(platform)).toBe(false)
    mkdirSync(platform)
    configure(CLEARED)
    expect(await filesBelow(platform)).toEqual(FILES)
  })

  test.each([
    ['darwin', {}, '<home>/Library/Application Support/llxprt-code'],
    ['win32', { LOCALAPPDATA: '/local' }, '/local/llxprt-code/Data'],
    ['win32', { LOCALAPPDATA: '' }, '<home>/AppData/Local/llxprt-code/Data'],
    ['linux', { XDG_DATA_HOME: '/data' }, '/data/llxprt-code'],
    ['linux', { XDG_DATA_HOME: '' }, '<home>/.local/share/llxprt-code'],
    ['freebsd', { XDG_DATA_HOME: 'relative' }, '<cwd>/relative/llxprt-code'],
  ])('has the form of platform %s with %j', async (platform, variables, expected) => {
    const script = `
      Object.defineProperty(process, 'platform', { value: '${platform}' })
      process.env.USERPROFILE = process.env.HOME
      console.log(JSON.stringify(require(${JSON.stringify(path.join(ROOT, 'lib/host.js'))}).host()))`
    const { home, platformData } = JSON.parse(await runNode(script, variables))
    expect(platformData).toBe(expected.replace('<home>', home).replace('<cwd>', process.cwd()))
  })

  test('is in the home directory of the user database if HOME is empty', async () => {
    const script = `
      require('node:os').userInfo = () => ({ username: 'user', homedir: '/home/user' })
      console.log(require(${JSON.stringify(path.join(ROOT, 'lib/host.js'))}).host().home)`
    expect(await runNode(script, { HOME: '', USERPROFILE: '' })).toBe('/home/user\n')
  })

  test('is UNAVAILABLE, and the remedy says how to set it, if the home directory is unknown', async () => {
    const script = `
      require('node:os').userInfo = () => { throw new Error('no entry in the user database') }
      const seen = [() => new securestore.SecureStore('s'), () => securestore.getProviderKeyStorage()].map((call) => {
        try {
          call()
        } catch (error) {
          return [error instanceof securestore.SecureStoreError, error.code, error.message, error.remediation]
        }
      })
      console.log(JSON.stringify(seen))`
    const expected = [true, 'UNAVAILABLE', 'The home directory is unknown', 'Set HOME to the home directory']
    const output = await runNode(script, { HOME: '', USERPROFILE: '' })
    expect(JSON.parse(output)).toEqual([expected, expected])
  })

  test('is searched by findLegacyData and named by doctor, whether an option or a variable sets it', async () => {
    const [dataDir, fromVariable] = [newDirectory(), newDirectory()]
    const legacy = [dataDir, fromVariable].map((directory) => {
      const file = path.join(directory, 'mcp-oauth-tokens-v2.json')
      writeFileSync(file, '00:11:22')
      return file
    })
    process.env.LLXPRT_DATA_HOME = fromVariable
    expect((await findLegacyData()).map((found) => found.path)).toEqual([legacy[1]])
    expect((await doctor()).dataDirectory).toMatchObject({
      path: fromVariable,
      rule: expect.stringContaining('LLXPRT'),
    })
    configure({ dataDir })
    expect((await findLegacyData()).map((found) => found.path)).toEqual([legacy[0]])
    expect(await doctor()).toMatchObject({ dataDirectory: { path: dataDir }, legacy: [{ path: legacy[0] }] })
  })

  test('is determined when an object is constructed', async () => {
    const [first, second] = [newDirectory(), newDirectory()]
    configure({ dataDir: first })
    const store = new SecureStore('service')
    configure({ dataDir: second })
    await store.set('key', 'value')
    expect([readdirSync(first).includes('secure-store'), readdirSync(second)]).toEqual([true, []])
  })
})

describe('configure', () => {
  test('replaces the process-wide instances, and keeps settings that are undefined', () => {
    const dataDir = newDirectory()
    configure({ dataDir })
    const [keys, tools] = [getProviderKeyStorage(), getToolKeyStorage()]
    expect(getProviderKeyStorage()).toBe(keys)
    configure({ dataDir: undefined })
    expect(getProviderKeyStorage()).not.toBe(keys)
    expect(getToolKeyStorage()).not.toBe(tools)
  })

  test('clears settings that are null', async () => {
    const dataDir = newDirectory()
    configure({ dataDir })
    configure({ lockDir: newDirectory() })
    await getProviderKeyStorage().saveKey('a', 'sk')
    configure({ dataDir: null })
    await getProviderKeyStorage().saveKey('b', 'sk')
    expect(readdirSync(path.join(dataDir, 'provider-keys'))).toContain('a.enc')
    expect(readdirSync(path.join(dataDir, 'provider-keys'))).not.toContain('b.enc')
  })

  test('sets the keyring of objects without their own loader', async () => {
    const [configured, own] = [new FakeKeyring(), new FakeKeyring()]
    configure({ keyring: configured.loader, dataDir: newDirectory() })
    await new SecureStore('service').set('key', 'value')
    await new SecureStore('service', { keytarLoader: own.loader }).set('key', 'own')
    await getProviderKeyStorage().saveKey('work', 'sk')
    expect([...configured.entries]).toEqual([
      ['service/key', 'value'],
      ['llxprt-code-provider-keys/work', 'sk'],
    ])
    expect([...own.entries]).toEqual([['service/key', 'own']])
  })

  test('throws a TypeError for an invalid setting, and changes nothing', async () => {
    const dataDir = newDirectory()
    configure({ dataDir })
    const wrong: unknown[] = [
      undefined,
      null,
      'text',
      { dataDir: newDirectory(), frob: 1 },
      { dataDir: '' },
      { dataDir: 7 },
      { lockDir: 'a\0b' },
      { osKeyringDisabled: 'yes' },
      { logger: {} },
      { keyring: {} },
    ]
    for (const settings of wrong) expect(() => configure(settings as Configuration)).toThrow(TypeError)
    expect(() => configure({ frob: 1 } as Configuration)).toThrow(/Unknown setting 'frob'/)
    await new ProviderKeyStorage().saveKey('work', 'sk')
    expect(readdirSync(dataDir)).toContain('provider-keys')
  })

  test('applies to the current thread only', async () => {
    const dataDir = newDirectory()
    configure({ dataDir })
    const other = newDirectory()
    const program = `
      const { configure, SecureStore } = require(${JSON.stringify(ROOT)})
      configure({ dataDir: ${JSON.stringify(other)} })
      new SecureStore('worker').set('key', 'value')`
    const worker = new Worker(program, { eval: true })
    expect(await new Promise((resolve) => worker.on('exit', resolve))).toBe(0)
    await new SecureStore('main').set('key', 'value')
    expect(readdirSync(path.join(dataDir, 'secure-store'))).toEqual(['main'])
    expect(readdirSync(path.join(other, 'secure-store'))).toEqual(['worker'])
  })
})

describe('setOsKeyringDisabledBySetting', () => {
  test('applies at once to existing objects, and can be reset', async () => {
    const output = await runNode(
      `
      const { SecureStore, createDefaultKeyringAdapter, setOsKeyringDisabledBySetting } = securestore
      const store = new SecureStore('setting', { fallbackDir: ${JSON.stringify(newDirectory())}, fallbackPolicy: 'deny' })
      await store.set('key', 'value')
      const seen = [await store.get('key')]
      setOsKeyringDisabledBySetting(true)
      seen.push(await store.get('key').catch((error) => error.code), await createDefaultKeyringAdapter())
      setOsKeyringDisabledBySetting(false)
      seen.push(await store.get('key'), (await createDefaultKeyringAdapter()) !== null)
      await store.delete('key')
      console.log(JSON.stringify(seen))`,
      { DBUS_SESSION_BUS_ADDRESS: inject('keyringAddress'), LLXPRT_DISABLE_OS_KEYRING: '' },
    )
    expect(JSON.parse(output)).toEqual(['value', 'UNAVAILABLE', null, 'value', true])
  })

  test('makes isKeychainAvailable false at once, and true again when it is reset', async () => {
    const output = await runNode(
      `
      const { SecureStore, setOsKeyringDisabledBySetting } = securestore
      const probed = new SecureStore('setting', { fallbackDir: ${JSON.stringify(newDirectory())} })
      const fresh = new SecureStore('setting', { fallbackDir: ${JSON.stringify(newDirectory())} })
      const seen = [await probed.isKeychainAvailable()]
      setOsKeyringDisabledBySetting(true)
      seen.push(await probed.isKeychainAvailable(), await fresh.isKeychainAvailable())
      setOsKeyringDisabledBySetting(false)
      seen.push(await probed.isKeychainAvailable(), await fresh.isKeychainAvailable())
      console.log(JSON.stringify(seen))`,
      { DBUS_SESSION_BUS_ADDRESS: inject('keyringAddress'), LLXPRT_DISABLE_OS_KEYRING: '' },
    )
    expect(JSON.parse(output)).toEqual([true, false, false, true, true])
  })

  test('does not affect the keyring of a loader', async () => {
    const keyring = new FakeKeyring()
    const store = new SecureStore('setting', { fallbackDir: newDirectory(), keyringLoader: keyring.loader })
    setOsKeyringDisabledBySetting(true)
    await store.set('key', 'value')
    expect(keyring.entries.get('setting/key')).toBe('value')
  })

  test('throws a TypeError for a value that is not a boolean', () => {
    expect(() => setOsKeyringDisabledBySetting('yes' as never)).toThrow(TypeError)
  })
})

test('LLXPRT_TEST_DISABLE_OS_KEYRING=1 disables the OS keyring as LLXPRT_DISABLE_OS_KEYRING=1 does', async () => {
  process.env.LLXPRT_DISABLE_OS_KEYRING = ''
  process.env.LLXPRT_TEST_DISABLE_OS_KEYRING = '1'
  process.env.DBUS_SESSION_BUS_ADDRESS = inject('keyringAddress')
  try {
    expect(await createDefaultKeyringAdapter()).toBeNull()
    delete process.env.LLXPRT_TEST_DISABLE_OS_KEYRING
    expect(await createDefaultKeyringAdapter()).not.toBeNull()
  } finally {
    process.env.LLXPRT_DISABLE_OS_KEYRING = '1'
    delete process.env.LLXPRT_TEST_DISABLE_OS_KEYRING
    delete process.env.DBUS_SESSION_BUS_ADDRESS
  }
})
