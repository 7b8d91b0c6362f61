'use strict'

// Reads typed and piped input. Prompts go to standard error, because standard output is for results.

const { CommandError } = require('./errors.js')
const { HiddenLine } = require('./hidden-line.js')
const { printable } = require('./output.js')

/** The maximum size of standard input, in bytes. */
const INPUT_LIMIT = 1024 * 1024

/** Signals that may end the process while typed text is hidden. */
const TERMINATING = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** Returns whether the user can be asked. */
function isInteractive() {
  return Boolean(process.stdin.isTTY)
}

/** Asks a question and returns whether the answer is yes. */
async function confirm(question) {
  process.stderr.write(`${printable(question)} [y/N] `)
  let line = ''
  const answer = await readTerminal((character) => {
    if (character === '\n') return line
    line += character
    return undefined
  })
  // After Ctrl-D, the cursor is still on the line of the question.
  if (answer === undefined) process.stderr.write('\n')
  return /^y(es)?$/i.test((answer ?? '').trim())
}

/**
 * Asks for a line without showing it.
 *
 * @param {string} question
 * @param {string} cancelled the message of the error if the prompt is cancelled; its exit code is 130
 */
async function askHidden(question, cancelled) {
  const restore = hideTyping()
  try {
    process.stderr.write(question)
    const line = new HiddenLine()
    const end = await readTerminal((character) => line.type(character))
    if (end !== 'done') throw new CommandError(cancelled, undefined, 130)
    return line.text
  } finally {
    restore()
    process.stderr.write('\n')
  }
}

/** Reads standard input as text. */
async function readInput() {
  const chunks = []
  let size = 0
  for await (const chunk of process.stdin) {
    size += chunk.length
    if (size > INPUT_LIMIT) throw new CommandError('Standard input is larger than 1 MiB.', 'Pipe in the key alone.')
    chunks.push(chunk)
  }
  return decode(new TextDecoder('utf-8', { fatal: true }), Buffer.concat(chunks))
}

/**
 * Passes typed characters to `take` until it returns a result. Later characters stay unread.
 *
 * @returns {Promise<unknown>} the result; `undefined` if the input ends first
 */
function readTerminal(take) {
  const { stdin } = process
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    const onData = (chunk) => {
      try {
        const characters = [...decode(decoder, chunk, { stream: true })]
        for (const [index, character] of characters.entries()) {
          const result = take(character)
          if (result === undefined) continue
          stop(() => resolve(result))
          const unread = characters.slice(index + 1).join('')
          if (unread) stdin.unshift(Buffer.from(unread))
          return
        }
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

function decode(decoder, bytes, options) {
  try {
    return decoder.decode(bytes, options)
  } catch {
    throw new CommandError('The input is not valid UTF-8.', 'Provide the key as plain text.')
  }
}

/** Stops the terminal from showing typed text. Returns a function that undoes that; a signal undoes it as well. */
function hideTyping() {
  const { stdin } = process
  const restore = () => {
    stdin.setRawMode(false)
    for (const signal of TERMINATING) process.off(signal, end)
  }
  const end = (signal) => {
    restore()
    process.kill(process.pid, signal)
  }
  for (const signal of TERMINATING) process.on(signal, end)
  stdin.setRawMode(true)
  return restore
}

module.exports = { askHidden, confirm, isInteractive, readInput }
