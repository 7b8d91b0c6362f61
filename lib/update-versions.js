'use strict'

// Versions that updates in progress have read, for adapters that can make a write depend on one (`setVersioned`).
//
// An update reads, computes and writes. The lock of the key keeps out the processes of this machine, but not other machines,
// so the write must name the version of that read. An adapter remembers the version it saw last, which another read of the
// same key may have moved meanwhile; here the version of the update's own read is kept.

const updates = new Map()

const keyOf = (service, account) => JSON.stringify([service, account])

/**
 * Starts an update. Of the reads of the key until its next write, the oldest version counts.
 *
 * @param {string} service
 * @param {string} account
 * @returns {{ end(): void }} `end` must be called
 */
function startUpdate(service, account) {
  const key = keyOf(service, account)
  const update = { versions: new Map() }
  const started = updates.get(key) ?? new Set()
  started.add(update)
  updates.set(key, started)
  return {
    end() {
      started.delete(update)
      if (started.size === 0 && updates.get(key) === started) updates.delete(key)
    },
  }
}

/** Reads a password; notes its version where an update of the key is in progress. */
async function readForUpdates(adapter, service, account) {
  const started = startedFor(adapter, service, account)
  if (started.length === 0) return adapter.getPassword(service, account)
  const { password, version } = await adapter.getVersioned(service, account)
  for (const { versions } of started) versions.set(adapter, Math.min(version, versions.get(adapter) ?? version))
  return password
}

/**
 * Stores a password; where an update has read the key, only over the version of that read.
 *
 * @returns {Promise<boolean>} whether a read has proved that the value was stored. With versions it also proves that where
 *   another program has replaced the value meanwhile; comparing values would take that for a failure
 */
async function writeForUpdates(adapter, service, account, password) {
  const version = takeVersion(adapter, service, account)
  if (version === undefined) {
    await adapter.setPassword(service, account, password)
    return false
  }
  const written = await adapter.setVersioned(service, account, password, version)
  const current = await adapter.getVersioned(service, account).catch(() => undefined)
  return current !== undefined && (current.version > written || current.password === password)
}

/** Deletes a password; where an update has read the key, only that version. */
async function deleteForUpdates(adapter, service, account) {
  const version = takeVersion(adapter, service, account)
  if (version === undefined) return adapter.deletePassword(service, account)
  return adapter.deleteVersioned(service, account, version)
}

/** The version counts once: after a write the adapter knows the new one. */
function takeVersion(adapter, service, account) {
  const versions = startedFor(adapter, service, account).flatMap(({ versions }) => {
    const version = versions.get(adapter)
    versions.delete(adapter)
    return version === undefined ? [] : [version]
  })
  return versions.length === 0 ? undefined : Math.min(...versions)
}

function startedFor(adapter, service, account) {
  if (updates.size === 0 || typeof adapter.setVersioned !== 'function') return []
  return [...(updates.get(keyOf(service, account)) ?? [])]
}

module.exports = { deleteForUpdates, readForUpdates, startUpdate, writeForUpdates }
