'use strict'

// A keyring adapter for a Vault server (HashiCorp Vault, OpenBao).

const { withCache } = require('./cache.js')
const { KeyedQueue, Semaphore, withDeadline } = require('./concurrency.js')
const { storeError } = require('./errors.js')
const { escapeName, unescapeName } = require('./names.js')
const { VaultClient } = require('./vault-client.js')
const { openEngine } = require('./vault-engine.js')
const { vaultOptions } = require('./vault-options.js')

const MAX_CALLS = 16
/** The maximum number of remembered versions. The oldest is removed first. */
const MAX_VERSIONS = 10_000

/**
 * Returns an adapter that keeps each account at `<mount>/<prefix>/<service>/<account>` of a Vault server. Connects at the
 * first call.
 *
 * A write names the version that this adapter saw last, so it rejects with `CONFLICT` if another program has written since.
 * After a conflict the version is forgotten, and the next read or write uses the current one.
 *
 * @param {import('./index').VaultAdapterOptions} [options]
 * @returns {import('./index').RemoteKeyringAdapter}
 */
function createVaultAdapter(options = {}) {
  return vaultAdapter(options, process.env)
}

/** Does the same with another environment. */
function vaultAdapter(options, env) {
  const { mount, prefix, timeoutMs, cacheMs, ...connection } = vaultOptions(options, env)
  const client = new VaultClient(connection)
  const slots = new Semaphore(MAX_CALLS)
  const writes = new KeyedQueue()
  const versions = new Versions()
  let engine

  /** Runs a job with the operations of the engine. The engine is opened once; if that fails, the next call tries again. */
  const call = (job) =>
    slots.run(() =>
      withDeadline(timeoutMs, async (deadline) => {
        engine ??= openEngine(client, deadline, mount)
        const opening = engine
        const operations = await opening.catch((error) => {
          if (engine === opening) engine = undefined
          throw error
        })
        return job(operations, deadline)
      }),
    )
  const pathOf = (service, account) => [...prefix, escapeName(service), escapeName(account)]

  /** Runs a job after the earlier jobs for the same key, so that a read sees the writes that were called before it. */
  const inOrder = async (service, account, job) => {
    const path = pathOf(service, account)
    const key = path.join('/')
    return writes.run(key, () => call((operations, deadline) => job({ operations, deadline, path, key })))
  }

  const findAccounts = async (service) => {
    const path = [...prefix, escapeName(service)]
    const names = await call((operations, deadline) => operations.list(deadline, path))
    return names.map(unescapeName).filter((name) => name !== null)
  }

  const getVersioned = (service, account) =>
    inOrder(service, account, async ({ operations, deadline, path, key }) => {
      const { value, version } = await operations.read(deadline, path)
      versions.set(key, version)
      return { password: value, version }
    })

  const getPassword = async (service, account) => (await getVersioned(service, account)).password

  const write = async ({ operations, deadline, path, key }, password, version) => {
    // If the write fails, the version stays forgotten: it may have changed.
    versions.delete(key)
    const written = await operations.write(deadline, path, password, version)
    versions.set(key, written)
    return written
  }

  const remove = async ({ operations, deadline, path, key }, expected) => {
    versions.delete(key)
    const { value, version } = await operations.read(deadline, path)
    if (expected !== undefined && version !== expected) {
      throw storeError('CONFLICT', `Another program wrote ${key} on the Vault server at the same time`)
    }
    if (version === 0 && value === null) return false
    await operations.remove(deadline, path)
    return value !== null
  }

  const adapter = {
    name: `Vault at ${connection.address.host}`,
    getPassword,
    getVersioned,
    findAccounts,
    setPassword: (service, account, password) =>
      inOrder(service, account, async (context) => {
        const { operations, deadline, path, key } = context
        const version = versions.get(key) ?? (await operations.read(deadline, path)).version
        await write(context, password, version)
      }),
    setVersioned: (service, account, password, version) =>
      inOrder(service, account, (context) => write(context, password, version)),
    deleteVersioned: (service, account, version) => inOrder(service, account, (context) => remove(context, version)),
    deletePassword: (service, account) => inOrder(service, account, (context) => remove(context)),
    async findCredentials(service) {
      const accounts = await findAccounts(service)
      const found = await Promise.all(
        accounts.map(async (account) => ({ account, password: await getPassword(service, account) })),
      )
      return found.filter(({ password }) => password !== null)
    },
  }
  return withCache(adapter, cacheMs)
}

/** The version of each key that was seen last. */
class Versions extends Map {
  set(key, version) {
    this.delete(key)
    super.set(key, version)
    if (this.size > MAX_VERSIONS) this.delete(this.keys().next().value)
    return this
  }
}

module.exports = { createVaultAdapter, vaultAdapter }
