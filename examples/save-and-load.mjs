// Saves a secret, reads it back and deletes it.
//
// Run: node examples/save-and-load.mjs

import { SecureStore } from '@llxprt/securestore'

const store = new SecureStore('securestore-example')
try {
  await store.set('example.com', 'token-0123456789')
  console.log(`The keyring works: ${await store.isKeychainAvailable()}`)
  console.log(`Keys: ${await store.list()}`)
  const token = await store.get('example.com')
  console.log(`The token has ${token.length} characters`)
} catch (error) {
  // A SecureStoreError has a message, the kind of failure, and a remedy.
  console.error(`${error.message} (${error.code}). ${error.remediation}`)
  process.exitCode = 1
} finally {
  console.log(`Deleted: ${await store.delete('example.com')}`)
}
