// KeychainTokenStorage: the OAuth credentials of MCP servers (R7).

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { KeychainTokenStorage, type OAuthCredentials, setLogSink } from '@llxprt/securestore'
import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import { codeOf, FakeKeyring, newDirectory, noKeyring, storageError, valueFiles } from './support/helpers'

const SERVICE = 'llxprt-cli-mcp-oauth'

function credentials(serverName: string): OAuthCredentials {
  return {
    serverName,
    token: {
      accessToken: `at-${serverName}`,
      refreshToken: 'rt',
      expiresAt: 1_000,
      tokenType: 'Bearer',
      scope: 'a b',
    },
    clientId: 'client',
    tokenUrl: 'https://example.com/token',
    mcpServerUrl: 'https://example.com/mcp',
    updatedAt: 0,
  }
}

function setUp(options: object = {}) {
  const keyring = new FakeKeyring()
  const fallbackDir = newDirectory()
  const settings = { fallbackDir, keytarLoader: keyring.loader, ...options }
  return { keyring, fallbackDir, tokens: new KeychainTokenStorage(undefined, settings) }
}

afterEach(() => {
  vi.useRealTimers()
  delete process.env.LLXPRT_FORCE_FILE_STORAGE
})

describe.each([
  ['with a keyring', {}],
  ['without a keyring', { keytarLoader: noKeyring }],
])('R7.6 credentials, %s,', (_name, options) => {
  test('are stored, loaded, listed and deleted', async () => {
    const { tokens } = setUp(options)
    expect(await tokens.getCredentials('github')).toBeNull()
    expect(await tokens.listServers()).toEqual([])
    expect(await tokens.getAllCredentials()).toEqual(new Map())
    vi.useFakeTimers({ now: 1_700_000_000_000, toFake: ['Date'] })
    await tokens.setCredentials(credentials('github'))
    await tokens.setCredentials(credentials('figma'))
    const updatedAt = 1_700_000_000_000
    expect(await tokens.getCredentials('github')).toEqual({ ...credentials('github'), updatedAt })
    expect(await tokens.listServers()).toEqual(['figma', 'github'])
    expect(await tokens.getAllCredentials()).toEqual(
      new Map([
        ['figma', { ...credentials('figma'), updatedAt }],
        ['github', { ...credentials('github'), updatedAt }],
      ]),
    )
    await tokens.deleteCredentials('github')
    expect(await tokens.getCredentials('github')).toBeNull()
    const error = await storageError(tokens.deleteCredentials('github'))
    expect(error.message).toBe('No credentials found for github')
    expect(error.code).toBe('NOT_FOUND')
    await tokens.clearAll()
    expect(await tokens.listServers()).toEqual([])
    await tokens.clearAll()
    expect(await tokens.isAvailable()).toBe(true)
  })

  test('keep unknown fields at both levels', async () => {
    const { tokens } = setUp(options)
    const { token, ...rest } = credentials('s')
    const extra = { 'quote"': ['\\', { deep: null, number: 1.5e300 }], __proto: 1, text: '🔑\n\u2028' }
    const given = { ...rest, ...extra, token: { ...token, ...extra, id_token: 'x' } }
    await tokens.setCredentials(given)
    expect(await tokens.getCredentials('s')).toEqual({ ...given, updatedAt: expect.any(Number) })
    expect(given.updatedAt).toBe(0)
  })

  test('without a required field are refused before anything is stored', async () => {
    const { tokens, keyring, fallbackDir } = setUp(options)
    const good = credentials('s')
    for (const [bad, message] of [
      [{ ...good, serverName: '' }, 'Server name is required'],
      [{ ...good, serverName: undefined }, 'Server name is required'],
      [{ ...good, token: undefined }, 'Token is required'],
      [{ ...good, token: null }, 'Token is required'],
      [{ ...good, token: { ...good.token, accessToken: '' } }, 'Access token is required'],
      [{ ...good, token: { accessToken: 'at' } }, 'Token type is required'],
    ] as const) {
      const error = await storageError(tokens.setCredentials(bad as unknown as OAuthCredentials))
      expect(error.message).toBe(message)
      expect(error.code).toBe('CORRUPT')
    }
    expect(keyring.calls).toEqual([])
    expect(readdirSync(fallbackDir)).toEqual([])
  })
})

describe('R7.6 credentials', () => {
  test('are stored as JSON under the name of the server, with _ for special characters', async () => {
    const { keyring, tokens } = setUp()
    await tokens.setCredentials(credentials('https://a.b/c d-e_🔑'))
    const [account, password] = [...keyring.entries][0] ?? ['', '']
    expect(account).toBe(`${SERVICE}/https___a.b_c_d-e___`)
    expect(JSON.parse(password)).toEqual({ ...credentials('https://a.b/c d-e_🔑'), updatedAt: expect.any(Number) })
    expect(await tokens.getCredentials('https://a.b/c d-e_🔑')).toHaveProperty('serverName', 'https://a.b/c d-e_🔑')
    expect(await tokens.listServers()).toEqual(['https___a.b_c_d-e___'])
    for (const name of ['.', '..']) {
      const error = await storageError(tokens.setCredentials(credentials(name)))
      expect(error.message).toBe(`Credentials cannot be stored for a server named '${name}'`)
    }
    expect((await storageError(tokens.getCredentials(''))).message).toBe('Server name is required')
  })

  test('that cannot be parsed reject getCredentials, and are left out of getAllCredentials', async () => {
    const { keyring, tokens } = setUp()
    await tokens.setCredentials(credentials('good'))
    keyring.entries.set(`${SERVICE}/broken`, '{"serverName":')
    keyring.entries.set(`${SERVICE}/partial`, '{"serverName":"partial"}')
    keyring.entries.set(`${SERVICE}/__keychain_test__00`, 'test')
    for (const name of ['broken', 'partial']) {
      const error = await storageError(tokens.getCredentials(name))
      expect(error.message).toBe(`Failed to parse stored credentials for ${name}`)
      expect(error.code).toBe('CORRUPT')
    }
    expect([...(await tokens.getAllCredentials()).keys()]).toEqual(['good'])
    expect(await tokens.listServers()).toEqual(['broken', 'good', 'partial'])
    await tokens.clearAll()
    expect(keyring.entries.size).toBe(0)
  })

  test('reject every call while the keyring fails', async () => {
    const { keyring, tokens } = setUp({ fallbackPolicy: 'deny' })
    await tokens.setCredentials(credentials('s'))
    keyring.failure = new Error('locked')
    const calls = [
      tokens.getCredentials('s'),
      tokens.listServers(),
      tokens.getAllCredentials(),
      tokens.deleteCredentials('s'),
      tokens.clearAll(),
      tokens.setCredentials(credentials('s')),
    ]
    expect(await Promise.all(calls.map(codeOf))).toEqual(calls.map(() => 'LOCKED'))
    expect(await tokens.isAvailable()).toBe(false)
  })

  test('are cleared as far as possible when one cannot be deleted', async () => {
    const { keyring, tokens } = setUp()
    await tokens.setCredentials(credentials('a'))
    await tokens.setCredentials(credentials('b'))
    const remove = keyring.deletePassword.bind(keyring)
    keyring.deletePassword = async (service, account) => {
      if (account === 'a') throw new Error('permission denied for a')
      return remove(service, account)
    }
    const error = await storageError(tokens.clearAll())
    expect(error.message).toMatch(/^Failed to clear some credentials: .*permission denied for a/)
    expect(error.code).toBe('DENIED')
    expect([...keyring.entries.keys()]).toEqual([`${SERVICE}/a`])
  })

  test('are stored in files with LLXPRT_FORCE_FILE_STORAGE=true, and in the keyring with any other value', async () => {
    process.env.LLXPRT_FORCE_FILE_STORAGE = 'true'
    const { keyring, tokens, fallbackDir } = setUp()
    delete process.env.LLXPRT_FORCE_FILE_STORAGE
    await tokens.setCredentials(credentials('s'))
    expect(await tokens.getCredentials('s')).toHaveProperty('serverName', 's')
    expect(await tokens.isAvailable()).toBe(true)
    expect(keyring.calls).toEqual([])
    expect(valueFiles(fallbackDir)).toEqual(['s.enc'])
    expect(readFileSync(path.join(fallbackDir, 's.enc'), 'utf8')).not.toContain('at-s')
    process.env.LLXPRT_FORCE_FILE_STORAGE = '1'
    const free = new KeychainTokenStorage(undefined, { fallbackDir: newDirectory(), keytarLoader: keyring.loader })
    await free.setCredentials(credentials('s'))
    expect(keyring.entries.size).toBe(1)
  })

  test('have the service that is given, or llxprt-cli-mcp-oauth', async () => {
    const { keyring } = setUp()
    const tokens = new KeychainTokenStorage('gemini-cli-oauth', { keytarLoader: keyring.loader })
    await tokens.setCredentials(credentials('main'))
    expect([...keyring.entries.keys()]).toEqual(['gemini-cli-oauth/main'])
    const files = new KeychainTokenStorage()
    await files.setCredentials(credentials('main'))
    expect(valueFiles(path.join(process.env.HOME ?? '', '.llxprt', 'secure-store', SERVICE))).toEqual(['main.enc'])
  })
})

test('R7.6 values of a wrong type and values that JSON cannot represent are refused', async () => {
  const { tokens } = setUp()
  const untyped = tokens as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  await expect(untyped.setCredentials?.(7)).rejects.toThrow(
    new TypeError('credentials must be an object, not a number'),
  )
  await expect(untyped.setCredentials?.()).rejects.toThrow(TypeError)
  await expect(untyped.getCredentials?.(null)).rejects.toThrow(TypeError)
  const circular = { ...credentials('s'), self: {} }
  circular.self = circular
  // The message is that of the runtime.
  await expect(tokens.setCredentials(circular)).rejects.toThrow(/circular|cyclic/)
  expect(() => new KeychainTokenStorage('')).toThrow(TypeError)
})

// The interfaces that the CLI declares, and a class that uses them as its OAuth code does.

interface CliCredentials {
  serverName: string
  token: { accessToken: string; refreshToken?: string; expiresAt?: number; tokenType: string; scope?: string }
  clientId?: string
  tokenUrl?: string
  mcpServerUrl?: string
  updatedAt: number
}

interface TokenStorage {
  getCredentials(serverName: string): Promise<CliCredentials | null>
  setCredentials(credentials: CliCredentials): Promise<void>
  deleteCredentials(serverName: string): Promise<void>
  listServers(): Promise<string[]>
  getAllCredentials(): Promise<Map<string, CliCredentials>>
  clearAll(): Promise<void>
}

interface GoogleCredentials {
  access_token?: string | null
  refresh_token?: string | null
  expiry_date?: number | null
  token_type?: string | null
  scope?: string
}

class GoogleTokens {
  static readonly ACCOUNT = 'main-account'
  readonly #storage: TokenStorage

  constructor(storage: TokenStorage) {
    this.#storage = storage
  }

  async load(): Promise<GoogleCredentials | null> {
    const found = await this.#storage.getCredentials(GoogleTokens.ACCOUNT)
    if (!found) return null
    const { accessToken, refreshToken, expiresAt, tokenType, scope } = found.token
    const google: GoogleCredentials = { access_token: accessToken, token_type: tokenType }
    if (refreshToken) google.refresh_token = refreshToken
    if (expiresAt) google.expiry_date = expiresAt
    if (scope) google.scope = scope
    return google
  }

  async save(google: GoogleCredentials): Promise<void> {
    const token: CliCredentials['token'] = {
      accessToken: google.access_token ?? '',
      tokenType: google.token_type ?? 'Bearer',
    }
    if (google.refresh_token) token.refreshToken = google.refresh_token
    if (google.expiry_date) token.expiresAt = google.expiry_date
    if (google.scope) token.scope = google.scope
    await this.#storage.setCredentials({ serverName: GoogleTokens.ACCOUNT, token, updatedAt: Date.now() })
  }

  async clear(): Promise<void> {
    await this.#storage.deleteCredentials(GoogleTokens.ACCOUNT)
  }
}

test('R7 an OAuth class that knows only the interfaces of the CLI works with KeychainTokenStorage', async () => {
  for (const options of [{}, { keytarLoader: noKeyring }]) {
    const storage: TokenStorage = setUp(options).tokens
    const google = new GoogleTokens(storage)
    expect(await google.load()).toBeNull()
    const given = { access_token: 'at', refresh_token: 'rt', expiry_date: 7, token_type: 'Bearer', scope: 's' }
    await google.save(given)
    expect(await google.load()).toEqual(given)
    await expect(google.save({})).rejects.toThrow('Access token is required')
    await google.clear()
    expect(await google.load()).toBeNull()
    await expect(google.clear()).rejects.toThrow('No credentials found for main-account')
  }
})

test('R7A a corrupt file is an error of its server only', async () => {
  const { tokens, fallbackDir } = setUp({ keytarLoader: noKeyring })
  await tokens.setCredentials(credentials('good'))
  writeFileSync(path.join(fallbackDir, 'bad.enc'), '0123:4567:89ab')
  expect(await codeOf(tokens.getCredentials('bad'))).toBe('CORRUPT')
  expect([...(await tokens.getAllCredentials()).keys()]).toEqual(['good'])
})

describe('R7 five hundred servers', () => {
  const names = Array.from({ length: 500 }, (_, i) => `server-${String(i).padStart(3, '0')}`)

  test.each([
    ['with a keyring', {}],
    ['without', { keytarLoader: noKeyring }],
  ])('%s are listed, loaded and cleared', async (_name, options) => {
    const { keyring, tokens } = setUp(options)
    await Promise.all(names.map((name) => tokens.setCredentials(credentials(name))))
    keyring.calls = []
    expect(await tokens.listServers()).toEqual(names)
    const all = await tokens.getAllCredentials()
    expect([...all.keys()]).toEqual(names)
    expect(all.get('server-499')?.token.accessToken).toBe('at-server-499')
    // One call for each secret and one for each list: no secret is read twice.
    expect(keyring.calls.length).toBeLessThanOrEqual(502)
    await tokens.clearAll()
    expect(await tokens.listServers()).toEqual([])
  })

  test.each([125, 500])(
    'are listed with one call of the OS keyring, read with one, and deleted with one each: %i',
    async (count) => {
      process.env.DBUS_SESSION_BUS_ADDRESS = inject('keyringAddress')
      process.env.LLXPRT_DISABLE_OS_KEYRING = ''
      const options = { fallbackDir: newDirectory(), fallbackPolicy: 'deny' } as const
      const tokens = new KeychainTokenStorage(`tokens-${process.pid}-${count}`, options)
      process.env.LLXPRT_DISABLE_OS_KEYRING = '1'
      for (const name of names.slice(0, count)) await tokens.setCredentials(credentials(name))
      const calls = async (work: () => Promise<unknown>) => {
        const seen: Record<string, number> = {}
        setLogSink(({ event, operation }) => {
          if (event === 'keyring_call') seen[String(operation)] = (seen[String(operation)] ?? 0) + 1
        })
        await work()
        setLogSink(null)
        return seen
      }
      expect(await calls(async () => expect(await tokens.listServers()).toHaveLength(count))).toEqual({ accounts: 1 })
      const all = await calls(async () => expect((await tokens.getAllCredentials()).size).toBe(count))
      expect(all).toEqual({ accounts_with_secrets: 1 })
      expect(await calls(() => tokens.clearAll())).toEqual({ accounts: 1, delete: count })
      expect(await tokens.listServers()).toEqual([])
    },
    180_000,
  )
})
