'use strict'

// Selects the keyring for stores without a loader. The first of these decides: the setting of the host, the environment
// variable `LLXPRT_KEYRING`, the file keyring.json. If none does, the operating system's keyring is used.
//
// The environment variable can only select the operating system's keyring or encrypted files. Programs and servers must be
// named by the host or in the file, because the environment may come from an untrusted project.

const path = require('node:path')
const { storeError } = require('./adapters/errors.js')
const { CHOOSE_AGAIN, keyringFile, readKeyringFile } = require('./keyring-file.js')
const { dataDirectoryInProject } = require('./project-directory.js')

const VARIABLE = 'LLXPRT_KEYRING'
/** The variables that a program named in keyring.json receives: those of the session, and none that configures a tool. */
const SESSION_VARIABLES = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'LC_ALL', 'LC_CTYPE', 'TERM', 'TMPDIR', 'TZ'],
  ...['GPG_TTY', 'DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY', 'XDG_RUNTIME_DIR', 'XDG_SESSION_TYPE', 'SSH_AUTH_SOCK'],
  ...['SystemRoot', 'windir', 'USERPROFILE', 'APPDATA', 'LOCALAPPDATA', 'TEMP', 'TMP', 'ProgramData', 'ProgramFiles'],
  ...['HOMEDRIVE', 'HOMEPATH', 'USERNAME', 'USERDOMAIN', 'PATHEXT'],
]

/** The last choice made by a file, and the input it depends on. Stores with the same setting share one adapter. */
let last = { key: '', choice: null }

/**
 * @typedef {object} KeyringChoice
 * @property {'os' | 'files' | 'vault' | 'docker' | 'command' | 'adapter'} kind
 * @property {string} source what selected it: `configure`, `LLXPRT_KEYRING` or the path of the file
 * @property {string} description for people, such as `docker-credential-pass`
 * @property {null | (() => Promise<import('../index').KeyringAdapter | null>)} loader `null` for `os` and `files`
 */

/**
 * Returns the selected keyring; `null` if nothing selects one.
 *
 * @param {object} options
 * @param {string} options.dataDir
 * @param {string} options.dataDirRule the rule that chose the data directory
 * @param {'os' | 'files' | (() => Promise<object | null>) | null} [options.configured] the host's choice
 * @param {NodeJS.ProcessEnv} options.env
 * @param {string} options.cwd
 * @param {string} options.home
 * @returns {KeyringChoice | null}
 * @throws a `SecureStoreError` that names the variable, or the file and the field, if a setting is wrong
 */
function chooseKeyring({ dataDir, dataDirRule, configured, env, cwd, home }) {
  if (typeof configured === 'function') {
    return { kind: 'adapter', source: 'configure', description: 'the keyring of the host program', loader: configured }
  }
  if (configured) return builtIn(configured, 'configure')
  const variable = env[VARIABLE]?.trim()
  if (variable) return builtIn(checkVariable(variable), VARIABLE)
  const setting = readKeyringFile(dataDir)
  if (setting === null) return null
  const file = keyringFile(dataDir)
  const problem = dataDirectoryInProject({ dataDir, dataDirRule, env, cwd, home })
  if (problem !== null) throw storeError('UNAVAILABLE', `${file} is not used: ${problem.message}`, problem.remediation)
  const key = JSON.stringify([file, setting, env.VAULT_TOKEN, env.BAO_TOKEN])
  if (key !== last.key) last = { key, choice: fromFile(file, setting, env) }
  return last.choice
}

/**
 * Does the same as {@link chooseKeyring} for Rust. A wrong setting is returned as a choice of the kind `error`.
 *
 * @returns {object | null}
 */
function chooseKeyringOrError(options) {
  let choice
  try {
    choice = chooseKeyring(options)
  } catch (error) {
    const { code, message, remediation } = error
    const source = options.env[VARIABLE]?.trim() ? VARIABLE : keyringFile(options.dataDir)
    return { kind: 'error', source, description: 'none', code, message, remediation }
  }
  return choice
}

/**
 * Returns the keyring that an object in the file's format describes.
 *
 * @param {string} file for error messages
 * @param {object} setting
 * @param {NodeJS.ProcessEnv} env
 * @returns {KeyringChoice}
 */
function fromFile(file, setting, env) {
  const { keyring, ...fields } = setting
  if (keyring === 'os' || keyring === 'files') {
    refuseOthers(file, fields, [])
    return builtIn(keyring, file)
  }
  if (!Object.hasOwn(ADAPTERS, keyring)) {
    throw wrongField(file, `field 'keyring' must be one of os, files, ${Object.keys(ADAPTERS).join(', ')}`)
  }
  const { names, required, create } = ADAPTERS[keyring]
  refuseOthers(file, fields, names)
  for (const name of required) {
    if (fields[name] === undefined) throw wrongField(file, `field '${name}' is missing`)
  }
  let adapter
  try {
    adapter = create(fields, env)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    // The adapters call them options; in the file they are fields.
    const message = error.message.replace(/^\w+: /, '').replace(/\boption '/, "field '")
    throw wrongField(file, message)
  }
  return { kind: keyring, source: file, description: adapter.name, loader: async () => adapter }
}

const ADAPTERS = {
  vault: {
    names: ['address', 'tokenFile', 'mount', 'prefix', 'namespace', 'timeoutMs', 'cacheMs'],
    required: ['address'],
    create(fields, env) {
      if (typeof fields.tokenFile === 'string' && !path.isAbsolute(fields.tokenFile)) {
        throw new TypeError("option 'tokenFile' must be an absolute path")
      }
      const { vaultAdapter } = require('./adapters/vault.js')
      // Only the token may come from the environment: it is useless on another server.
      return vaultAdapter(fields, { VAULT_TOKEN: env.VAULT_TOKEN, BAO_TOKEN: env.BAO_TOKEN })
    },
  },
  docker: {
    names: ['helper', 'environment', 'passEnvironment', 'timeoutMs', 'cacheMs'],
    required: ['helper'],
    create({ helper, environment, passEnvironment, ...options }, env) {
      const { createDockerCredentialAdapter } = require('./adapters/docker.js')
      return createDockerCredentialAdapter(helper, {
        ...options,
        env: programEnvironment(environment, passEnvironment, env),
      })
    },
  },
  command: {
    names: ['get', 'set', 'delete', 'list', 'environment', 'passEnvironment', 'timeoutMs', 'cacheMs'],
    required: ['get'],
    create({ environment, passEnvironment, ...options }, env) {
      const { createCommandAdapter } = require('./adapters/command.js')
      return createCommandAdapter({ ...options, env: programEnvironment(environment, passEnvironment, env) })
    },
  },
}

function builtIn(kind, source) {
  const description = kind === 'os' ? 'the keyring of the operating system' : 'encrypted files'
  return { kind, source, description, loader: null }
}

function checkVariable(value) {
  if (value === 'os' || value === 'files') return value
  throw storeError(
    'UNAVAILABLE',
    `${VARIABLE} must be 'os' or 'files'`,
    `Unset ${VARIABLE}. Other keyrings are chosen with 'llxprt-key use'`,
  )
}

function refuseOthers(file, fields, known) {
  for (const name of Object.keys(fields)) {
    if (!known.includes(name)) throw wrongField(file, `unknown field '${name}'`)
  }
}

function wrongField(file, message) {
  return storeError('CORRUPT', `${file}: ${message}`, CHOOSE_AGAIN)
}

/** Returns the variables of the session, plus those that the file passes on or sets. */
function programEnvironment(environment = {}, passEnvironment = [], env) {
  const isObject = environment !== null && typeof environment === 'object' && !Array.isArray(environment)
  if (!isObject || Object.values(environment).some((value) => typeof value !== 'string')) {
    throw new TypeError("option 'environment' must be an object of strings")
  }
  if (!Array.isArray(passEnvironment) || passEnvironment.some((name) => typeof name !== 'string')) {
    throw new TypeError("option 'passEnvironment' must be an array of names")
  }
  const names = [...SESSION_VARIABLES, ...passEnvironment].filter((name) => env[name] !== undefined)
  const passed = names.map((name) => [name, env[name]])
  // Other kinds of addresses can start a program or point to another machine.
  const bus = env.DBUS_SESSION_BUS_ADDRESS
  if (bus?.startsWith('unix:') && !bus.includes(';')) passed.push(['DBUS_SESSION_BUS_ADDRESS', bus])
  return { ...Object.fromEntries(passed), ...environment }
}

module.exports = { chooseKeyring, chooseKeyringOrError, fromFile }
