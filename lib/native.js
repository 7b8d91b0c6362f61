'use strict'

// The binary, connected to the JavaScript that it calls.

const binding = require('./binding.js')
const { createCalls } = require('./calls.js')
const { SecureStoreError } = require('./errors.js')
const { chooseKeyring, host, projectProblem } = require('./host.js')

/** The classes of this module by name; `lib/classes.js` adds them. */
const classes = {}

binding.init({
  SecureStoreError,
  chooseKeyring,
  host,
  projectProblem,
  ...createCalls(binding, () => classes),
  currentLocks: () => require('./locks.js').currentLocks(),
})

module.exports = { classes, native: binding }
