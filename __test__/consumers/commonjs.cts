// A consumer in CommonJS. Type-checked only, here and in installation.test.ts.
import securestore = require('@llxprt/securestore')

const { SecureStore, SecureStoreError, getProviderKeyStorage } = securestore

async function main(): Promise<string | null> {
  const store = new SecureStore('consumer', { fallbackPolicy: 'allow', keyringTimeoutMs: 1000 })
  try {
    await store.set('key', 'value')
    const found: boolean = await store.has('key')
    const keys: string[] = await store.list()
    return found && keys.includes('key') ? await store.get('key') : null
  } catch (error) {
    if (error instanceof SecureStoreError) {
      const code: securestore.SecureStoreErrorCode = error.code
      return `${code}: ${error.remediation}`
    }
    throw error
  }
}

const storage: securestore.ProviderKeyStorage = getProviderKeyStorage()
void main().then(() => storage.listKeys())

// @ts-expect-error: not a policy
new SecureStore('consumer', { fallbackPolicy: 'maybe' })
// @ts-expect-error: a value must be text
void new SecureStore('consumer').set('key', 7)
