'use strict'

// Loads the addon on first use. Help and usage errors work without it, and start faster.

let loaded

/** Returns the addon. The first call also hardens this process against core dumps and debuggers. */
function addon() {
  if (!loaded) {
    loaded = require('../../index.js')
    loaded.hardenProcess()
  }
  return loaded
}

module.exports = { addon }
