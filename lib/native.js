'use strict'

// The binary, connected to the JavaScript that it calls.

const binding = require('./binding.js')
const { createCalls } = require('./calls.js')
const { SecureStoreError } = require('./errors.js')
const { host } = require('./host.js')

/** The classes of this module by name; `lib/classes.js` adds them. */
const classes = {}

binding.init({
  SecureStoreError,
  host,
  ...createCalls(binding, () => classes),
})

module.exports = { classes, native: binding }
