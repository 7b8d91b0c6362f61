'use strict'

const { addon } = require('../addon.js')
const { storage } = require('../key-store.js')

/** Prints the names of saved keys for the completion scripts. Reads no key and never fails. */
const names = {
  names: [],
  async run() {
    const { KEY_NAME_REGEX } = addon()
    const found = await storage()
      .listKeys()
      .catch(() => [])
    // Other programs may have stored names with special characters, which could run code in a shell.
    for (const name of found) if (KEY_NAME_REGEX.test(name)) process.stdout.write(`${name}\n`)
  },
}

module.exports = { names }
