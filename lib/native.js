'use strict'

// The binary, initialised with the JavaScript functions that it calls.

const binding = require('./binding.js')
const { SecureStoreError } = require('./errors.js')

/** The classes of this package by name. `lib/classes.js` adds them. */
const classes = {}

binding.init({
  SecureStoreError,
  // Each file is loaded at its first use, because most programs do not need all of them.
  chooseKeyring: (...args) => require('./host.js').chooseKeyring(...args),
  currentLocks: () => require('./lock-context.js').currentLocks(),
  deliver: (...args) => calls().deliver(...args),
  host: () => require('./host.js').host(),
  load: (...args) => calls().load(...args),
  logger: (object) => calls().logger(object),
  projectProblem: (...args) => require('./host.js').projectProblem(...args),
  reportBroken: (...args) => calls().reportBroken(...args),
  settle: (...args) => calls().settle(...args),
  storageCall: (...args) => calls().storageCall(...args),
})

module.exports = { classes, native: binding }

let loadedCalls

function calls() {
  loadedCalls ??= require('./calls.js').createCalls(binding, () => classes)
  return loadedCalls
}
