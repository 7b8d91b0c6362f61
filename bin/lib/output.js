'use strict'

// What the command says: results on standard output, everything else on standard error, in colour where somebody looks.

const CODES = { red: 31, green: 32, yellow: 33, faint: 2 }

// Whoever reads us may stop at any time (`llxprt-key list | head -1`): that is no failure of ours. Any other is.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code === 'EPIPE') return
    if (stream === process.stdout) complain(`Cannot write to standard output (${error.code}).`)
    process.exit(1)
  })
}

/** A result. */
function say(text) {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** What went wrong, and what to do about it. */
function complain(message, remediation) {
  const name = paint('red', 'llxprt-key:', process.stderr)
  process.stderr.write(`${name} ${printable(message)}\n${remediation ? `${printable(remediation)}\n` : ''}`)
}

/** Text in a colour, if the stream shows colours. */
function paint(colour, text, stream = process.stdout) {
  return inColour(stream) ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text
}

/** Text that a terminal shows and does not obey: names in a keyring and masked keys may hold anything. */
function printable(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
}

/** FORCE_COLOR is the more explicit wish, so it counts before NO_COLOR, as in Node itself. */
function inColour(stream) {
  const { FORCE_COLOR, NO_COLOR, TERM } = process.env
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return Boolean(stream.isTTY) && !NO_COLOR && TERM !== 'dumb'
}

module.exports = { complain, paint, printable, say }
