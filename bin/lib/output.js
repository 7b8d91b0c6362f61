'use strict'

// Prints results to standard output and everything else to standard error, in colour on a terminal.

const { splitRemedy } = require('./advice.js')

const CODES = { red: 31, green: 32, yellow: 33, faint: 2, bold: 1 }

/** The width of output that does not go to a terminal, in columns. */
const DEFAULT_WIDTH = 80

// EPIPE means that the reader stopped early (`llxprt-key list | head -1`), which is not a failure. Other write errors are.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code === 'EPIPE') return
    if (stream === process.stdout) printError(`Cannot write to standard output (${error.code}).`)
    process.exit(1)
  })
}

/** Prints a result. */
function print(text) {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** Prints a notice that is not a result. */
function printNotice(text) {
  process.stderr.write(`${fitted(printable(text))}\n`)
}

/** Prints an error and its remedy. */
function printError(message, remediation) {
  const error = fitted(`llxprt-key: ${printable(message)}`)
  process.stderr.write(`${error.replace(/^llxprt-key:/, (name) => paint('red', name, process.stderr))}\n`)
  if (!remediation) return
  const { text, command } = splitRemedy(remediation)
  process.stderr.write(`${fitted(printable(text))}\n${command ? `${command}\n` : ''}`)
}

/** Breaks the text of a notice or an error between words where the terminal is narrower. Other programs get one line. */
function fitted(text) {
  return process.stderr.isTTY ? wrap(text, widthOf(process.stderr)).join('\n') : text
}

/** Returns the text in a colour if the stream supports colours. */
function paint(colour, text, stream = process.stdout) {
  return hasColours(stream) ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text
}

/** Replaces control characters. Names and masked keys may contain escape sequences for the terminal. */
function printable(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
}

/** Returns the width of a stream's terminal in columns, or a default if the stream is not a terminal. */
function widthOf(stream = process.stdout) {
  return stream.isTTY && stream.columns > 0 ? stream.columns : DEFAULT_WIDTH
}

/**
 * Wraps text between words. Only a line with a single long word is wider than `width`.
 *
 * @param {string} text line breaks in it are kept
 * @param {number} width
 * @returns {string[]} the lines
 */
function wrap(text, width) {
  return text.split('\n').flatMap((paragraph) => {
    const lines = ['']
    for (const word of paragraph.split(' ')) {
      const line = lines.at(-1)
      if (line !== '' && line.length + 1 + word.length > width) lines.push(word)
      else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
    }
    return lines
  })
}

/** Shortens text to `width` characters by replacing its middle with an ellipsis. */
function shorten(text, width) {
  const characters = [...text]
  if (characters.length <= width) return text
  const tail = Math.floor((width - 1) / 2)
  return [
    ...characters.slice(0, Math.max(width - 1 - tail, 0)),
    '…',
    ...characters.slice(characters.length - tail),
  ].join('')
}

/** Returns whether a stream supports colours. FORCE_COLOR takes precedence over NO_COLOR, as in Node.js. */
function hasColours(stream) {
  const { FORCE_COLOR, NO_COLOR, TERM } = process.env
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return Boolean(stream.isTTY) && !NO_COLOR && TERM !== 'dumb'
}

module.exports = { paint, print, printable, printError, printNotice, shorten, widthOf, wrap }
