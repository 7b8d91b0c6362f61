'use strict'

// What people type and programs pipe in. Questions go to standard error, so that standard output holds results alone.

const { Failure } = require('./failures.js')
const { HiddenLine } = require('./hidden-line.js')
const { printable } = require('./output.js')

/** No API key is longer, in bytes; what is longer is the wrong file. */
const INPUT_LIMIT = 1024 * 1024

/** What may end us while the terminal shows nothing that is typed. */
const ENDINGS = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** Whether there is somebody to ask. */
function isInteractive() {
  return Boolean(process.stdin.isTTY)
}

/** Whether they said yes. */
async function ask(question) {
  process.stderr.write(`${printable(question)} [y/N] `)
  let line = ''
  const answer = await listen((typed) => {
    line += typed
    return line.includes('\n') ? line : undefined
  })
  // Ended by Ctrl-D: the cursor is still behind the question.
  if (answer === undefined) process.stderr.write('\n')
  return /^y(es)?$/i.test((answer ?? '').trim())
}

/** A line that the terminal does not show. Rejects with a {@link Failure}, exit code 130, when it is cancelled. */
async function askHidden(question) {
  const restore = hideTyping()
  try {
    process.stderr.write(question)
    const line = new HiddenLine()
    const end = await listen((typed) => line.type(typed))
    if (end !== 'done') throw new Failure('Cancelled; nothing was saved.', undefined, 130)
    return line.text
  } finally {
    restore()
    process.stderr.write('\n')
  }
}

/** All of standard input, as text. */
async function readInput() {
  const chunks = []
  let size = 0
  for await (const chunk of process.stdin) {
    size += chunk.length
    if (size > INPUT_LIMIT) throw new Failure('Standard input is too long to be an API key.', 'Pipe in the key alone.')
    chunks.push(chunk)
  }
  return decode(new TextDecoder('utf-8', { fatal: true }), Buffer.concat(chunks))
}

/** Hands on what is typed until `take` gives an answer; `undefined` when the terminal ends first. */
function listen(take) {
  const { stdin } = process
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    const onData = (chunk) => {
      try {
        const answer = take(decode(decoder, chunk, { stream: true }))
        if (answer !== undefined) stop(() => resolve(answer))
      } catch (error) {
        stop(() => reject(error))
      }
    }
    const onEnd = () => stop(() => resolve(undefined))
    const stop = (settle) => {
      stdin.pause()
      stdin.off('data', onData).off('end', onEnd).off('error', onEnd)
      settle()
    }
    stdin.on('data', onData).on('end', onEnd).on('error', onEnd)
    stdin.resume()
  })
}

/** What bytes say that are no UTF-8 is anybody's guess, and a key is not to be guessed. */
function decode(decoder, bytes, options) {
  try {
    return decoder.decode(bytes, options)
  } catch {
    throw new Failure('The key is not in UTF-8.', 'Give the key as plain text.')
  }
}

/** Stops the terminal from showing what is typed; the result undoes it, and so does a signal that ends us. */
function hideTyping() {
  const { stdin } = process
  const restore = () => {
    stdin.setRawMode(false)
    for (const signal of ENDINGS) process.off(signal, end)
  }
  const end = (signal) => {
    restore()
    process.kill(process.pid, signal)
  }
  for (const signal of ENDINGS) process.on(signal, end)
  stdin.setRawMode(true)
  return restore
}

module.exports = { ask, askHidden, isInteractive, readInput }
