// @ts-check
'use strict'

// Counts the threads that the addon starts, by their names in /proc. As a worker, it samples until it is stopped.

const { readFileSync, readdirSync } = require('node:fs')
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')

const SAMPLE_EVERY_MS = 0.5

/**
 * Runs work and resolves to the largest number of simultaneous threads with new names.
 *
 * @param {() => unknown} work
 * @returns {Promise<number>}
 */
async function newThreads(work) {
  const shared = new Int32Array(new SharedArrayBuffer(8))
  const sampler = new Worker(__filename, { workerData: { shared } })
  // When the sampler runs, the names of its own threads are among the known names.
  await new Promise((resolve) => sampler.once('message', resolve))
  await work()
  Atomics.store(shared, 0, 1)
  await new Promise((resolve) => sampler.once('exit', resolve))
  return Atomics.load(shared, 1)
}

/** @param {Int32Array} shared whether to stop, and the largest number so far */
function sample(shared) {
  const known = new Set(threadNames())
  parentPort?.postMessage('started')
  const clock = new Int32Array(new SharedArrayBuffer(4))
  while (Atomics.load(shared, 0) === 0) {
    const count = threadNames().filter((name) => !known.has(name)).length
    if (count > Atomics.load(shared, 1)) Atomics.store(shared, 1, count)
    Atomics.wait(clock, 0, 0, SAMPLE_EVERY_MS)
  }
}

function threadNames() {
  return readdirSync('/proc/self/task').flatMap((thread) => {
    try {
      return [readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim()]
    } catch {
      // The thread has ended.
      return []
    }
  })
}

module.exports = { newThreads }

if (!isMainThread && workerData?.shared) sample(workerData.shared)
