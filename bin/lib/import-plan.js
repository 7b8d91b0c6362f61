'use strict'

// Compares keys with the saved ones, and saves all of them or none.

const { CommandError } = require('./errors.js')
const { storage, store } = require('./key-store.js')

/** Signals that end an import only after it was rolled back. */
const DEFERRED = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Compares keys with the saved ones.
 *
 * @param {Array<{ name: string, key: string }>} keys
 * @returns {Promise<Array<{ name: string, key: string, previous: string | null, state: 'new' | 'same' | 'different' | 'damaged' }>>}
 * `damaged` keys exist and cannot be read
 */
async function planImport(keys) {
  const stored = store()
  return Promise.all(
    keys.map(async ({ name, key }) => {
      try {
        const previous = await stored.get(name)
        return { name, key, previous, state: stateOf(previous, key) }
      } catch (error) {
        // Overwriting is the remedy for a damaged key. Another error hides a key that must not be lost.
        if (error.code === 'CORRUPT') return { name, key, previous: null, state: 'damaged' }
        throw new CommandError(`Cannot read key '${name}': ${error.message}`, error.remediation)
      }
    }),
  )
}

function stateOf(previous, key) {
  if (previous === null) return 'new'
  return previous === key ? 'same' : 'different'
}

/**
 * Saves keys. If one cannot be saved, or a signal arrives, the ones saved before are restored.
 *
 * @param {Awaited<ReturnType<typeof planImport>>} changes
 */
async function applyImport(changes) {
  // Last, because they are the ones that cannot be restored.
  const ordered = [...changes].sort((a, b) => Number(a.state === 'damaged') - Number(b.state === 'damaged'))
  const signals = deferSignals()
  const started = []
  try {
    for (const change of ordered) {
      started.push(change)
      await storage().saveKey(change.name, change.key)
      if (signals.received) throw new CommandError(`Interrupted by ${signals.received}`, undefined, 130)
    }
  } catch (error) {
    throw await rollBack(started.reverse(), error)
  } finally {
    signals.release()
  }
}

/** Restores what was there before, and returns the error to report. */
async function rollBack(changes, cause) {
  const failed = []
  for (const change of changes) if (!(await restore(change))) failed.push(change.name)
  const { message, remediation, exitCode } = cause
  const reason = String(message).replace(/\.$/, '')
  if (failed.length === 0) {
    return new CommandError(`Nothing was imported: ${reason}.`, remediation, exitCode)
  }
  const names = failed.map((name) => `'${name}'`).join(', ')
  return new CommandError(
    `The import failed: ${reason}. These keys could not be restored: ${names}.`,
    "Run 'llxprt-key list' to see what is saved.",
    exitCode,
  )
}

/** Returns whether the key is as it was before the import. */
async function restore({ name, previous, state }) {
  const stored = store()
  try {
    // The damaged value is lost once it was overwritten.
    if (state === 'damaged')
      return await stored.get(name).then(
        () => false,
        (error) => error.code === 'CORRUPT',
      )
    if (previous === null) await stored.delete(name)
    // Not by the named-key storage, which trims white space.
    else if ((await stored.get(name)) !== previous) await stored.set(name, previous)
    return true
  } catch {
    return false
  }
}

/** Collects signals instead of ending the process. */
function deferSignals() {
  const signals = { received: undefined, release }
  const onSignal = (signal) => {
    signals.received = signal
  }
  for (const signal of DEFERRED) process.on(signal, onSignal)
  function release() {
    for (const signal of DEFERRED) process.off(signal, onSignal)
  }
  return signals
}

module.exports = { applyImport, planImport }
