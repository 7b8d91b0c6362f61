'use strict'

// Runs programs.

const { spawn } = require('node:child_process')
const { accessSync, constants } = require('node:fs')
const path = require('node:path')

/** The folder of the project. */
const root = path.join(__dirname, '..', '..')

/**
 * Runs a program in the project's folder, shows its output and returns a copy of it.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, mayFail?: boolean }} [options]
 * @returns {Promise<{ code: number, output: string }>} rejects when the program fails, unless `mayFail` is set
 */
function run(program, args, options = {}) {
  const { env = process.env, mayFail = false } = options
  console.log(`\n> ${[program, ...args].join(' ')}`)
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const show = (stream) => (chunk) => {
      output += chunk
      stream.write(chunk)
    }
    child.stdout.on('data', show(process.stdout))
    child.stderr.on('data', show(process.stderr))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code !== 0 && !mayFail)
        reject(new Error(`${program} ${args[0] ?? ''} failed (${signal ?? `exit code ${code}`})`))
      else resolve({ code: code ?? 1, output })
    })
  })
}

/**
 * Returns whether a program is on the PATH.
 *
 * @param {string} program
 */
function which(program) {
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

module.exports = { root, run, which }
