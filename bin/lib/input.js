'use strict'

// Reads what people type and programs pipe in. Prompts go to standard error: standard output is for results.

const { CommandError } = require('./errors.js')
const { HiddenLine } = require('./hidden-line.js')
const { printable } = require('./output.js')

/** The largest standard input that can be a key, in bytes. */
const INPUT_LIMIT = 1024 * 1024

/** Signals that may end the process while the terminal hides what is typed. */
const TERMINATING = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** Returns whether a person can be asked. */
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
  // After Ctrl-D the cursor is still behind the question.
  if (answer === undefined) process.stderr.write('\n')
  return /^y(es)?$/i.test((answer ?? '').trim())
}

/**
 * Asks for a line that the terminal does not show.
 *
 * @param {string} question
 * @param {string} cancelled the message when the prompt is cancelled; the exit code is 130 then
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

/** Reads all of standard input as text. */
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
 * Passes typed characters on until `take` returns a result. What was typed after that stays unread.
 *
 * @returns {Promise<unknown>} the result; `undefined` when the terminal ends first
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

/** Stops the terminal from showing what is typed. Returns a function that undoes it; so does a signal. */
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
