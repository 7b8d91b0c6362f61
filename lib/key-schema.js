'use strict'

// The schema of the subcommands of `/key`, for hosts that complete by schema.

const native = require('./binding.js')

/** Returns the schema. `complete` is a function that completes the text after `/key`. */
function keySchema(complete) {
  const key = { kind: 'value', name: 'api-key', description: 'The API key', hint: 'Paste the API key' }
  return native.keySubcommands().map(({ value, description, takesName, takesKey }) => {
    if (!takesName) return { kind: 'literal', value, description }
    const name = {
      kind: 'value',
      name: 'name',
      description: takesKey ? 'Name for the key' : 'Name of a saved key',
      completer: (_context, partial) => complete(`${value} ${partial}`),
    }
    return { kind: 'literal', value, description, next: [takesKey ? { ...name, next: [key] } : name] }
  })
}

module.exports = { keySchema }
