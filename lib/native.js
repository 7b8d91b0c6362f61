'use strict'

// The binary, connected to the JavaScript that it calls.

const binding = require('./binding.js')
const { SecureStoreError } = require('./errors.js')

/** The classes of this module by name; `lib/classes.js` adds them. */
const classes = {}

binding.init({
  SecureStoreError,
  // What is called later is loaded later: most programs never need all of it.
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
