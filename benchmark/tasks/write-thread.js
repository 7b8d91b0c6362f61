// @ts-check
'use strict'

// Makes bare writes on another thread: the floor of a write that does not block the JavaScript thread.

const { Worker, isMainThread, parentPort } = require('node:worker_threads')
const { bareWrite } = require('../bare-write.js')

/** A thread that makes one bare write at a time. */
class WriteThread {
  #worker = new Worker(__filename)

  /**
   * Resolves when the thread has reported the end of the write.
   *
   * @param {string} directory
   * @param {string} key
   * @param {Buffer} bytes
   * @returns {Promise<void>}
   */
  write(directory, key, bytes) {
    return new Promise((resolve, reject) => {
      this.#worker.removeAllListeners()
      this.#worker.once('message', () => resolve())
      this.#worker.once('error', reject)
      this.#worker.postMessage([directory, key, bytes])
    })
  }

  async stop() {
    await this.#worker.terminate()
  }
}

module.exports = { WriteThread }

if (!isMainThread) {
  parentPort?.on('message', ([directory, key, bytes]) => {
    bareWrite(directory, key, bytes)
    parentPort?.postMessage('done')
  })
}
