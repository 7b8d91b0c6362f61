'use strict'

// The versions that updates in progress have read, for adapters with conditional writes (`setVersioned`).
//
// An update reads, computes and writes. The lock of the key excludes the processes of this machine, but not other machines,
// so the write must name the version that the update read. An adapter remembers only the version it saw last, which another
// read of the same key may have changed. This file keeps the version that each update read.

const updates = new Map()

const keyOf = (service, account) => JSON.stringify([service, account])

/**
 * Starts an update. If the key is read several times before its next write, the oldest version counts.
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

/** Reads a password. If an update of the key is in progress, records the version. */
async function readForUpdates(adapter, service, account) {
  const started = startedFor(adapter, service, account)
  if (started.length === 0) return adapter.getPassword(service, account)
  const { password, version } = await adapter.getVersioned(service, account)
  for (const { versions } of started) versions.set(adapter, Math.min(version, versions.get(adapter) ?? version))
  return password
}

/**
 * Stores a password. If an update has read the key, replaces only the version that it read.
 *
 * @returns {Promise<boolean>} whether a read proved that the value was stored. A newer version proves it too: another program
 *   has then replaced the value, which a comparison of the values would report as a failure
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

/** Deletes a password. If an update has read the key, deletes only the version that it read. */
async function deleteForUpdates(adapter, service, account) {
  const version = takeVersion(adapter, service, account)
  if (version === undefined) return adapter.deletePassword(service, account)
  return adapter.deleteVersioned(service, account, version)
}

/** Returns the version that the update read, and forgets it: after a write, the adapter knows the new version. */
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
