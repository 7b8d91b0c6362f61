'use strict'

// The data directory, by the same rules as the addon's: it has no function that returns it.

const { statSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')

/** Returns the directory of the provider keys' encrypted files. */
function providerKeysDirectory() {
  return path.join(dataDirectory().path, 'provider-keys')
}

/**
 * Returns the data directory, and the rule that chose it: the name of an environment variable, `platform` or `home`.
 *
 * @returns {{ path: string, rule: string }}
 */
function dataDirectory() {
  for (const variable of ['LLXPRT_DATA_HOME', 'LLXPRT_CONFIG_HOME']) {
    const value = process.env[variable]?.trim()
    if (value && path.isAbsolute(value)) return { path: value, rule: variable }
  }
  const platform = platformDirectory()
  if (platform && isDirectory(platform)) return { path: platform, rule: 'platform' }
  return { path: path.join(home(), '.llxprt'), rule: 'home' }
}

function platformDirectory() {
  const { LOCALAPPDATA, XDG_DATA_HOME } = process.env
  if (process.platform === 'darwin') return path.join(home(), 'Library', 'Application Support', 'llxprt-code')
  if (process.platform === 'win32') return LOCALAPPDATA && path.join(LOCALAPPDATA, 'llxprt-code', 'Data')
  const data = XDG_DATA_HOME && path.isAbsolute(XDG_DATA_HOME) ? XDG_DATA_HOME : path.join(home(), '.local', 'share')
  return path.join(data, 'llxprt-code')
}

function isDirectory(file) {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function home() {
  return path.resolve((process.platform === 'win32' ? process.env.USERPROFILE : process.env.HOME) || os.homedir())
}

module.exports = { dataDirectory, home, providerKeysDirectory }
