'use strict'

/** The maximum size of a request, in bytes. */
const LIMIT = 1024 * 1024

/** Reads standard input as text. Rejects if it is too large or not UTF-8. */
async function readRequest() {
  const chunks = []
  let size = 0
  for await (const chunk of process.stdin) {
    size += chunk.length
    if (size > LIMIT) throw new Error('The request on standard input is larger than 1 MiB.')
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new Error('The request on standard input is not valid UTF-8.')
  }
}

module.exports = { readRequest }
