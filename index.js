'use strict'

// The exports of the package. The JavaScript code is in lib/, the Rust code in src/.

module.exports = require('./lib/api.js')
