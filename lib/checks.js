'use strict'

// Checks of arguments. They throw a `TypeError` that names the argument.

function requireFunction(value, name) {
  if (typeof value !== 'function') throw new TypeError(`${name} must be a function, not ${kind(value)}`)
}

function requireObject(value, name) {
  if (typeof value !== 'object' || value === null) throw new TypeError(`${name} must be an object, not ${kind(value)}`)
}

module.exports = { requireFunction, requireObject }

function kind(value) {
  if (value === null || value === undefined) return String(value)
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
