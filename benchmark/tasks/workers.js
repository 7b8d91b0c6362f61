// @ts-check
'use strict'

// Runs calls in worker threads. As a worker, it makes its share of the calls at once.

const { Worker, isMainThread, workerData } = require('node:worker_threads')

/**
 * Runs the calls of the input in workers.
 *
 * @param {number} count of workers
 * @param {import('./stores.js').Input & { calls?: number }} input
 * @returns {Promise<number>} the number of workers; rejects when one fails
 */
async function inWorkers(count, input) {
  const calls = Math.ceil((input.calls ?? 1000) / count)
  const workers = Array.from({ length: count }, () => {
    const worker = new Worker(__filename, { workerData: { input, calls } })
    return new Promise((resolve, reject) => {
      worker.once('error', reject)
      worker.once('exit', (code) => (code === 0 ? resolve(code) : reject(new Error(`A worker ended with ${code}`))))
    })
  })
  return (await Promise.all(workers)).length
}

/** @param {{ input: import('./stores.js').Input, calls: number }} data */
async function work({ input, calls }) {
  const { GET } = require('./stores.js')
  const get = GET[input.who]?.(input)
  const values = await Promise.all(Array.from({ length: calls }, () => get?.()))
  if (values.some((value) => typeof value !== 'string')) throw new Error('A call returned no value')
}

module.exports = { inWorkers }

if (!isMainThread && workerData?.input) work(workerData)
