'use strict'

// The binary, connected to the JavaScript that it calls.

const binding = require('./binding.js')
const { createCalls } = require('./calls.js')
const { SecureStoreError } = require('./errors.js')
const { currentLocks } = require('./lock-context.js')
const { chooseKeyring, host, projectProblem } = require('./host.js')

/** The classes of this module by name; `lib/classes.js` adds them. */
const classes = {}

binding.init({
  SecureStoreError,
  chooseKeyring,
  currentLocks,
  host,
  projectProblem,
  ...createCalls(binding, () => classes),
})

module.exports = { classes, native: binding }
