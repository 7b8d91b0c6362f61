// A consumer in ES modules, with its own adapter. Type-checked only, here and in installation.test.ts.
import {
  configure,
  createDefaultKeyringAdapter,
  type DoctorReport,
  decryptEnvelopeString,
  doctor,
  type Envelope,
  type ExtensionSetting,
  ExtensionSettingsStorage,
  encryptEnvelopeString,
  findLegacyData,
  getToolKeyStorage,
  hardenProcess,
  isRuntimeReplacedError,
  isSecureStoreError,
  isValidEnvelope,
  KEY_NAME_REGEX,
  KeyCommand,
  KeychainTokenStorage,
  type KeyringAdapter,
  type KeytarAdapter,
  type LogEvent,
  maskKeyForDisplay,
  type OAuthCredentials,
  ProviderKeyStorage,
  type ProviderKeyStorageLike,
  resetProviderKeyStorage,
  SecureStore,
  type SecureStoreErrorCode,
  type SecureStoreLike,
  type SecureStoreOptions,
  type StorageLogger,
  type StoreEntries,
  setLogSink,
  setOsKeyringDisabledBySetting,
  TOOL_KEY_REGISTRY,
  validateKeyName,
} from '@llxprt/securestore'
import { createCommandAdapter, createVaultAdapter, type VersionedKeyringAdapter } from '@llxprt/securestore/adapters'

const entries = new Map<string, string>()
const adapter: KeyringAdapter = {
  getPassword: async (service, account) => entries.get(`${service}/${account}`) ?? null,
  setPassword: async (service, account, password) => void entries.set(`${service}/${account}`, password),
  deletePassword: async (service, account) => entries.delete(`${service}/${account}`),
}
const options: SecureStoreOptions = { keytarLoader: async () => adapter }
const keys = new ProviderKeyStorage({ secureStore: new SecureStore('consumer', options) })

validateKeyName('name')
if (KEY_NAME_REGEX.test('name')) await keys.saveKey('name', 'sk-123456789')
const key: string | null = await keys.getKey('name')
const masked: string = maskKeyForDisplay(key ?? '')
const found: Array<{ account: string; password: string }> | undefined = await (
  await createDefaultKeyringAdapter()
)?.findCredentials('consumer')
resetProviderKeyStorage()

setLogSink((event: LogEvent) => console.debug(event.event, event.key ?? '', event.duration_us))
setLogSink(null)
const report: DoctorReport = await doctor({ keyringTimeoutMs: 1000 })
for (const { message, remedy } of report.problems) console.error(message, remedy)

const settings: ExtensionSetting[] = [{ name: 'Team', envVar: 'TEAM' }]
const storage = new ExtensionSettingsStorage('extension', '/extension')
await storage.saveSettings(settings, { TEAM: 'x' })
const team: string | undefined = (await storage.loadSettings(settings)).TEAM
const tokens = new KeychainTokenStorage(undefined, options)
await tokens.setCredentials({ serverName: 's', token: { accessToken: 'a', tokenType: 'Bearer' } })
for (const [server, { token }] of await tokens.getAllCredentials()) void `${server} ${token.expiresAt ?? 0}`
for (const tool of TOOL_KEY_REGISTRY.keys()) void (await getToolKeyStorage().resolveKey(tool))
for (const { kind } of await findLegacyData()) void (kind === 'tool-key')

// @ts-expect-error: not a kind of legacy data
void (await findLegacyData()).filter(({ kind }) => kind === 'other')

export { found, masked, team }

const vault: VersionedKeyringAdapter = createVaultAdapter({ address: 'https://vault.example.com', cacheMs: 1000 })
const { version } = await vault.getVersioned('service', 'account')
await vault.deleteVersioned('service', 'account', version)
new SecureStore('remote', { keyringLoader: async () => createCommandAdapter({ get: ['op', 'read', '{account}'] }) })
// @ts-expect-error: a command is an array
createCommandAdapter({ get: 'op read' })

// What a host passes: its own logger, objects of its own interfaces, and options that are explicitly undefined.
class HostLogger {
  debug(message: string | (() => string), ...args: unknown[]): void {
    console.debug(typeof message === 'function' ? message() : message, ...args)
  }
  warn = this.debug
  error = this.debug
}
const logger: StorageLogger = new HostLogger()
const formerName: KeytarAdapter = adapter
configure({ dataDir: '/data', logger, keyring: async () => formerName, osKeyringDisabled: null, lockDir: undefined })
setOsKeyringDisabledBySetting(false)
const { debuggerDenied, coreDumpsDisabled } = hardenProcess()
void (debuggerDenied && coreDumpsDisabled)
const store = new SecureStore('host', {
  fallbackDir: undefined,
  machineSecretLoader: async () => Buffer.alloc(32),
  envelopeVersion: 2,
  logger,
})
const like: SecureStoreLike = store
const place: 'keyring' | 'file' | null = await store.locate('key')
const all: StoreEntries = await store.entries()
for (const { key, value, storedIn, error } of all.entries) void `${key} ${value ?? error?.code} ${storedIn} ${place}`
const length: number = await store.withLock('key', async () => (await store.get('key'))?.length ?? 0)
const next: string | null = await store.update('key', (current) => (current === null ? undefined : current + length))
const credentials: OAuthCredentials | null = await tokens.refreshCredentials(
  'server',
  async ({ token }) => ({ token: { ...token, accessToken: 'new' } }),
  { leewayMs: 1000 },
)
const proxy: ProviderKeyStorageLike = new ProviderKeyStorage({ secureStore: like })
void [next, credentials, new KeyCommand(proxy)]
const failure: unknown = new Error('any')
if (isSecureStoreError(failure)) void (failure.code satisfies SecureStoreErrorCode)
if (isRuntimeReplacedError(failure)) process.exitCode = 1
// @ts-expect-error: a change is text, null or nothing
void store.update('key', () => 7)
// @ts-expect-error: an object without the methods of a store
new ProviderKeyStorage({ secureStore: {} })
const json: string = await encryptEnvelopeString('text', 'service', { existingEnvelopeVersion: undefined })
const parsed: unknown = JSON.parse(json)
if (isValidEnvelope(parsed)) void (parsed satisfies Envelope).crypto.alg
void (await decryptEnvelopeString(json, 'service', { machineSecretLoader: async () => Buffer.alloc(32) })).length
