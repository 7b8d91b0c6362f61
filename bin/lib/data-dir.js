'use strict'

// The data directory. The addon applies the rules that choose it.

const path = require('node:path')
const { addon } = require('./addon.js')

/** Returns the directory of the provider keys' encrypted files. */
function providerKeysDirectory() {
  return path.join(dataDirectory().path, 'provider-keys')
}

/**
 * Returns the data directory and the rule that chose it: the name of an environment variable, `platform` or `home`.
 *
 * @returns {{ path: string, rule: string }}
 */
function dataDirectory() {
  addon()
  return require('../../lib/binding.js').dataDirectoryInUse()
}

/** Returns the home directory, by the addon's rule. */
function homeDirectory() {
  return require('../../lib/host.js').homeDirectory(process.env)
}

module.exports = { dataDirectory, homeDirectory, providerKeysDirectory }
