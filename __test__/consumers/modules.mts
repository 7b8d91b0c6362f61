// A consumer in ES modules: named imports, and an adapter of its own.
import {
  createDefaultKeyringAdapter,
  type DoctorReport,
  doctor,
  type ExtensionSetting,
  ExtensionSettingsStorage,
  findLegacyData,
  getToolKeyStorage,
  KEY_NAME_REGEX,
  KeychainTokenStorage,
  type KeyringAdapter,
  type LogEvent,
  maskKeyForDisplay,
  ProviderKeyStorage,
  resetProviderKeyStorage,
  SecureStore,
  type SecureStoreOptions,
  setLogSink,
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

// @ts-expect-error: a kind there is none of
void (await findLegacyData()).filter(({ kind }) => kind === 'other')

export { found, masked, team }

const vault: VersionedKeyringAdapter = createVaultAdapter({ address: 'https://vault.example.com', cacheMs: 1000 })
const { version } = await vault.getVersioned('service', 'account')
await vault.setVersioned('service', 'account', null, version)
new SecureStore('remote', { keyringLoader: async () => createCommandAdapter({ get: ['op', 'read', '{account}'] }) })
// @ts-expect-error: a command is an array
createCommandAdapter({ get: 'op read' })
