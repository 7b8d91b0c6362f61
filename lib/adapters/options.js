'use strict'

// Checks the options of the adapters. A wrong option is a `TypeError` that names the option, but not its value.

/** The maximum time limit. Timers count milliseconds in 32 bits. */
const MAX_TIMEOUT_MS = 2_147_483_647

/**
 * Throws if the options are not an object or contain an unknown option.
 *
 * @param {string} where the function that takes the options
 * @param {object} options
 * @param {string[]} known
 */
function checkOptionNames(where, options, known) {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw new TypeError(`${where}: the options must be an object`)
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new TypeError(`${where}: unknown option '${name}'. Known: ${known.join(', ')}`)
  }
}

/** Returns a string option, or `undefined` if it is absent. */
function stringOption(where, options, name) {
  const value = options[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || value.trim() === '') {
    throw new TypeError(`${where}: option '${name}' must be a non-empty string`)
  }
  return value
}

/** Returns an option that is a time in milliseconds, or `defaultValue` if it is absent. */
function millisecondsOption(where, options, name, defaultValue) {
  const value = options[name]
  if (value === undefined || value === null) return defaultValue
  const min = name === 'timeoutMs' ? 1 : 0
  if (!Number.isFinite(value) || value < min || value > MAX_TIMEOUT_MS) {
    throw new TypeError(`${where}: option '${name}' must be a number of milliseconds from ${min} to ${MAX_TIMEOUT_MS}`)
  }
  return value
}

/** Returns a function that returns the environment for a program: the option or, by default, the current `process.env`. */
function environmentOption(where, options) {
  const { env } = options
  if (env === undefined || env === null) return () => process.env
  if (typeof env !== 'object' || Object.values(env).some((value) => value !== undefined && typeof value !== 'string')) {
    throw new TypeError(`${where}: option 'env' must be an object of strings`)
  }
  return () => env
}

module.exports = { checkOptionNames, environmentOption, millisecondsOption, stringOption }
