// A consumer in ES modules: named imports, and an adapter of its own.
import {
  createDefaultKeyringAdapter,
  type DoctorReport,
  doctor,
  KEY_NAME_REGEX,
  type KeyringAdapter,
  type LogEvent,
  maskKeyForDisplay,
  ProviderKeyStorage,
  resetProviderKeyStorage,
  SecureStore,
  type SecureStoreOptions,
  setLogSink,
  validateKeyName,
} from '@llxprt/securestore'

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

export { found, masked }
