// @ts-check
'use strict'

// Runs a task of task.js in a process of its own, which has done nothing before.

const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')

const DEADLINE_MS = 120_000

/**
 * What the task measured.
 *
 * @param {string} task
 * @param {object} [input]
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number[]>}
 */
async function fresh(task, input = {}, env = {}) {
  const program = path.join(__dirname, 'task.js')
  const args = [program, task, JSON.stringify(input)]
  const options = { env: { ...process.env, ...env }, timeout: DEADLINE_MS }
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, options)
    return JSON.parse(stdout)
  } catch (error) {
    const { signal, stderr } = /** @type {{ signal?: string, stderr?: string }} */ (error)
    const why = signal ? `ended by ${signal}` : (/^.*Error.*$/m.exec(stderr ?? '')?.[0] ?? String(error))
    throw new Error(`its process failed: ${why}`, { cause: error })
  }
}

module.exports = { fresh }
