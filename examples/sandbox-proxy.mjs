// A host process has the keys. A sandboxed process has none, and sends its requests to the host over a channel. In the sandbox the
// same classes work, because they accept any object with the methods of a storage.
//
// Run: node examples/sandbox-proxy.mjs

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { KeyCommand, ProviderKeyStorage, resolveApiKey, SecureStore } from '@llxprt/securestore'

/** The methods that the sandbox may call. Saving and deleting are not allowed. */
const ALLOWED = ['getKey', 'listKeys', 'hasKey']

/** Saves a key, starts the sandbox and answers its requests. */
async function host() {
  const keys = new ProviderKeyStorage({ secureStore: new SecureStore('securestore-example-keys') })
  await keys.saveKey('work', 'sk-0123456789')
  try {
    const sandbox = fork(fileURLToPath(import.meta.url), ['sandbox'], { stdio: 'inherit' })
    sandbox.on('message', async ({ id, method, args }) => {
      try {
        if (!ALLOWED.includes(method)) throw new Error(`${method} is not available in the sandbox`)
        sandbox.send({ id, value: await keys[method](...args) })
      } catch (error) {
        sandbox.send({ id, error: error.message })
      }
    })
    await new Promise((resolve) => sandbox.on('exit', resolve))
  } finally {
    await keys.deleteKey('work')
  }
}

/** The storage of the sandbox: each method sends a request to the host. */
class ProxyKeyStorage {
  #lastId = 0
  #waiting = new Map()

  constructor() {
    process.on('message', ({ id, value, error }) => {
      const { resolve, reject } = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) resolve(value)
      else reject(new Error(error))
    })
  }

  saveKey(name, key) {
    return this.#ask('saveKey', name, key)
  }
  getKey(name) {
    return this.#ask('getKey', name)
  }
  deleteKey(name) {
    return this.#ask('deleteKey', name)
  }
  listKeys() {
    return this.#ask('listKeys')
  }
  hasKey(name) {
    return this.#ask('hasKey', name)
  }

  #ask(method, ...args) {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      process.send({ id, method, args })
    })
  }
}

/** Uses the keys of the host. */
async function sandbox() {
  const storage = new ProxyKeyStorage()
  const { apiKey, diagnostics } = await resolveApiKey({ keyName: 'work' }, storage)
  console.log(`The session's key has ${apiKey.length} characters. ${diagnostics[0]}`)
  const { content } = await new KeyCommand(storage).run('list')
  console.log(content)
  await storage.saveKey('other', 'sk-9876543210').catch((error) => console.log(`Refused: ${error.message}`))
  process.disconnect()
}

await (process.argv[2] === 'sandbox' ? sandbox() : host())
