'use strict'

// Compares keys with the saved keys, and saves all of them or none.

const { CommandError } = require('./errors.js')
const { storage, store } = require('./key-store.js')

/** Signals that interrupt an import. The process ends only after the import was rolled back. */
const DEFERRED = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Compares keys with the saved keys.
 *
 * @param {Array<{ name: string, key: string }>} keys
 * @returns {Promise<Array<{ name: string, key: string, previous: string | null, state: 'new' | 'same' | 'different' | 'damaged' }>>}
 * `damaged` keys exist but cannot be read
 */
async function planImport(keys) {
  const stored = store()
  return Promise.all(
    keys.map(async ({ name, key }) => {
      try {
        const previous = await stored.get(name)
        return { name, key, previous, state: stateOf(previous, key) }
      } catch (error) {
        // Overwriting is the remedy for a damaged key. After another error, the key may be intact and must not be overwritten.
        if (error.code === 'CORRUPT') return { name, key, previous: null, state: 'damaged' }
        throw new CommandError(`Cannot read key '${name}': ${error.message}`, error.remediation)
      }
    }),
  )
}

/**
 * Saves keys. If one cannot be saved, or a signal arrives, restores those that were changed.
 *
 * @param {Awaited<ReturnType<typeof planImport>>} changes
 */
async function applyImport(changes) {
  // Damaged keys are overwritten last, because they cannot be restored.
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

function stateOf(previous, key) {
  if (previous === null) return 'new'
  return previous === key ? 'same' : 'different'
}

/** Restores the previous values, and returns the error to report. */
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

/** Restores a key. Returns whether it has the same value as before the import. */
async function restore({ name, previous, state }) {
  const stored = store()
  try {
    // A damaged value is lost after it was overwritten.
    if (state === 'damaged')
      return await stored.get(name).then(
        () => false,
        (error) => error.code === 'CORRUPT',
      )
    if (previous === null) await stored.delete(name)
    // The named-key storage would trim white space, so the store is used.
    else if ((await stored.get(name)) !== previous) await stored.set(name, previous)
    return true
  } catch {
    return false
  }
}

/** Records signals instead of letting them end the process. */
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
