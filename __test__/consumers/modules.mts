// A consumer in ES modules: named imports, and an adapter of its own.
import {
  createDefaultKeyringAdapter,
  KEY_NAME_REGEX,
  type KeyringAdapter,
  maskKeyForDisplay,
  ProviderKeyStorage,
  resetProviderKeyStorage,
  SecureStore,
  type SecureStoreOptions,
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

export { found, masked }
