'use strict'

// Runs a program without a shell, with a time limit and an output limit. Secrets are passed only through its standard input
// and output.

const { spawn } = require('node:child_process')
const { accessSync, constants, statSync } = require('node:fs')
const path = require('node:path')
const { withDeadline } = require('./concurrency.js')
const { storeError } = require('./errors.js')

/** The output limit. A value of 1 MiB takes up to 6 MiB as JSON. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024
const MAX_ERROR_BYTES = 64 * 1024
const IS_WINDOWS = process.platform === 'win32'

/**
 * Runs a program until it ends.
 *
 * The program runs in the root directory, and its name is looked up only in absolute directories of the PATH, because the
 * current directory may belong to an untrusted project.
 *
 * @param {{ argv: string[], input?: string, timeoutMs: number, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ code: number, stdout: Buffer, stderr: string }>} `stderr` must only be used to
 *   determine what failed, and not be shown: a program may print secrets there
 * @throws a `SecureStoreError` if it cannot be started (`UNAVAILABLE`), takes too long (`TIMEOUT`) or prints too much
 */
function runProgram({ argv: [program, ...args], input = '', timeoutMs, env }) {
  return withDeadline(timeoutMs, (deadline) => {
    const file = findProgram(program, env)
    return new Promise((resolve, reject) => {
      // In a process group of its own, so that its children end with it.
      const child = spawn(file, args, { env, cwd: path.parse(file).root, detached: !IS_WINDOWS, windowsHide: true })
      const stdout = []
      const stderr = []
      let size = 0
      let errorSize = 0
      const finish = (settle) => {
        deadline.signal.removeEventListener('abort', onTimeout)
        settle()
      }
      const stop = (error) => {
        kill(child)
        // A descendant that left the group may keep the pipes open.
        for (const stream of child.stdio) stream?.destroy()
        finish(() => reject(error))
      }
      const onTimeout = () => stop(deadline.error(program))
      deadline.signal.addEventListener('abort', onTimeout)
      child.stdout.on('data', (chunk) => {
        size += chunk.length
        if (size <= MAX_OUTPUT_BYTES) stdout.push(chunk)
        else stop(storeError('UNAVAILABLE', `${program} printed more than ${MAX_OUTPUT_BYTES} bytes`))
      })
      child.stderr.on('data', (chunk) => {
        errorSize += chunk.length
        if (errorSize <= MAX_ERROR_BYTES) stderr.push(chunk)
      })
      child.on('error', (error) => finish(() => reject(notStarted(program, error))))
      child.on('close', (code, signal) => {
        finish(() => {
          if (code === null) reject(storeError('UNAVAILABLE', `${program} was killed by ${signal}`))
          else resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString('utf8') })
        })
      })
      // A program may end without reading its input.
      child.stdin.on('error', () => {})
      child.stdin.end(input)
    })
  })
}

/** Returns the error code for what a program printed; `UNAVAILABLE` if the text matches no other code. */
function codeOf(text) {
  if (/cancell?ed|denied|permission|not permitted|unauthori[sz]ed|forbidden/i.test(text)) return 'DENIED'
  if (/\blocked\b|pinentry|inappropriate ioctl|not (currently )?signed in|passphrase/i.test(text)) return 'LOCKED'
  if (/timed out|timeout/i.test(text)) return 'TIMEOUT'
  return 'UNAVAILABLE'
}

/** Returns the path of a program. A path that contains a directory must be absolute. */
function findProgram(program, env) {
  if (path.isAbsolute(program)) return program
  if (/[/\\]/.test(program)) {
    throw storeError('UNAVAILABLE', `${program} is a relative path`, 'Name the program by its absolute path')
  }
  const searchPath = Object.entries(env).find(
    ([name]) => name === 'PATH' || (IS_WINDOWS && name.toUpperCase() === 'PATH'),
  )
  const names = IS_WINDOWS && !/\.(exe|com)$/i.test(program) ? [`${program}.exe`, `${program}.com`] : [program]
  const directories = (searchPath?.[1] ?? '').split(path.delimiter).filter((directory) => path.isAbsolute(directory))
  const files = directories.flatMap((directory) => names.map((name) => path.join(directory, name)))
  const file = files.find(isExecutable)
  if (file !== undefined) return file
  throw storeError(
    'UNAVAILABLE',
    `${program} is not on the PATH`,
    `Install ${program}, or add its directory to the PATH`,
  )
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

function kill(child) {
  try {
    if (IS_WINDOWS) child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has already ended.
  }
}

/** Returns the error for a program that cannot be started. The message of Node.js could contain its arguments. */
function notStarted(program, { code }) {
  return storeError(
    code === 'EACCES' || code === 'EPERM' ? 'DENIED' : 'UNAVAILABLE',
    `${program} cannot be started (${code})`,
    `Check that ${program} is installed and that you may run it`,
  )
}

module.exports = { codeOf, runProgram }
