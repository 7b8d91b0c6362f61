'use strict'

// Checks of the adapters' options. What is wrong is a `TypeError` that names the option, never its value.

/** The longest time limit: what fits the 32-bit milliseconds of a timer. */
const MAX_TIMEOUT_MS = 2_147_483_647

/**
 * @param {string} where the function whose options these are
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

/** Returns a string option, or `undefined` where it is absent. */
function stringOption(where, options, name) {
  const value = options[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || value.trim() === '') {
    throw new TypeError(`${where}: option '${name}' must be a string that is not empty`)
  }
  return value
}

/** Returns a time in milliseconds. */
function millisecondsOption(where, options, name, byDefault) {
  const value = options[name]
  if (value === undefined || value === null) return byDefault
  const least = name === 'timeoutMs' ? 1 : 0
  if (!Number.isFinite(value) || value < least || value > MAX_TIMEOUT_MS) {
    throw new TypeError(
      `${where}: option '${name}' must be a number of milliseconds from ${least} to ${MAX_TIMEOUT_MS}`,
    )
  }
  return value
}

/** Returns the environment for programs: the option, or the environment of the process at each start. */
function environmentOption(where, options) {
  const { env } = options
  if (env === undefined || env === null) return () => process.env
  if (typeof env !== 'object' || Object.values(env).some((value) => value !== undefined && typeof value !== 'string')) {
    throw new TypeError(`${where}: option 'env' must be an object of strings`)
  }
  return () => env
}

module.exports = { checkOptionNames, environmentOption, millisecondsOption, stringOption }
