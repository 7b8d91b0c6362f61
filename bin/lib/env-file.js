'use strict'

// Reads the API keys of known providers from a .env file.

const { providerOf } = require('./providers.js')

/**
 * Parses `NAME=value` lines, with or without `export`, quotes and comments. A later line replaces an earlier one.
 *
 * @param {string} text
 * @returns {{ keys: Array<{ name: string, key: string }>, lines: Array<{ number: number, variable: string }>, unknown: string[] }}
 * the keys by provider, their lines, and the variables that look like keys of unknown providers
 */
function parseEnvFile(text) {
  const keys = new Map()
  const lines = []
  const unknown = new Set()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const [, variable, value] = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/.exec(line) ?? []
    if (variable === undefined) continue
    const key = parseValue(value).trim()
    const provider = providerOf(variable)
    if (provider && key) {
      keys.set(provider, { name: provider, key })
      lines.push({ number: index + 1, variable })
    } else if (key && /_(API_)?KEY$|_TOKEN$/.test(variable)) unknown.add(variable)
  }
  return { keys: [...keys.values()], lines, unknown: [...unknown] }
}

/** Returns a value without quotes and without a comment after it. */
function parseValue(text) {
  const value = text.trim()
  const quoted = /^(["'`])(.*?)\1\s*(#.*)?$/.exec(value)
  if (quoted) return quoted[2]
  return value.replace(/(^|\s)#.*$/, '').trimEnd()
}

module.exports = { parseEnvFile }
