// @ts-check
'use strict'

// Runs a task of task.js in a new process.

const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')

const TIMEOUT_MS = 300_000

/**
 * Runs a task in a new process and resolves to the figures that it measured.
 *
 * @param {string} task
 * @param {object} [input]
 * @param {NodeJS.ProcessEnv} [env] added to the environment of this process
 * @returns {Promise<number[]>}
 */
async function fresh(task, input = {}, env = {}) {
  const args = [path.join(__dirname, 'task.js'), task, JSON.stringify(input)]
  const options = { env: { ...inHome(process.env), ...env }, timeout: TIMEOUT_MS }
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, options)
    return JSON.parse(stdout)
  } catch (error) {
    const { signal, stderr } = /** @type {{ signal?: string, stderr?: string }} */ (error)
    const reason = signal ? `ended by ${signal}` : (/^.*Error.*$/m.exec(stderr ?? '')?.[0] ?? String(error))
    throw new Error(`The process of task '${task}' failed: ${reason}`, { cause: error })
  }
}

/**
 * Returns contestants that each run a task in a new process.
 *
 * @param {string} task
 * @param {readonly string[]} contestants
 * @param {object} [input]
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Record<string, import('./compare.js').Contestant>}
 */
function inFreshProcesses(task, contestants, input = {}, env = {}) {
  return Object.fromEntries(contestants.map((who) => [who, () => fresh(task, { who, ...input }, env)]))
}

module.exports = { fresh, inFreshProcesses }

/**
 * Returns an environment in which the data directory is at its default place, as most users have it, below the folder that
 * `LLXPRT_DATA_HOME` names.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @returns {NodeJS.ProcessEnv}
 */
function inHome({ LLXPRT_DATA_HOME: home, XDG_DATA_HOME: _, ...others }) {
  return home ? { ...others, HOME: home } : others
}
