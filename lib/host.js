'use strict'

// The facts about the host: its environment variables, its directories and the settings of `configure`. They are read on the
// JavaScript thread, because on Bun and in workers changes of process.env do not reach the C environment.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { SecureStoreError } = require('./errors.js')

/** The settings of `configure`; `undefined` for each one that is not set. */
const configuration = {
  dataDir: undefined,
  machineSecretPath: undefined,
  lockDir: undefined,
  osKeyringDisabled: undefined,
  logger: undefined,
  keyring: undefined,
}

/** The check of each setting. A check returns what the value must be, or `undefined` if the value is valid. */
const CHECKS = {
  dataDir: aPath,
  machineSecretPath: aPath,
  lockDir: aPath,
  osKeyringDisabled: (value) => (typeof value === 'boolean' ? undefined : 'a boolean'),
  logger: (value) =>
    ['debug', 'warn', 'error'].every((method) => typeof value[method] === 'function')
      ? undefined
      : 'an object with the methods debug, warn and error',
  keyring: (value) =>
    typeof value === 'function' || value === 'os' || value === 'files'
      ? undefined
      : "'os', 'files' or a function that returns a keyring adapter",
}

/** Changes the configuration of this environment. `undefined` does not change a setting, `null` clears it. */
function setConfiguration(settings) {
  if (typeof settings !== 'object' || settings === null) throw new TypeError('configure requires an object of settings')
  const changes = {}
  for (const [name, value] of Object.entries(settings)) {
    const check = Object.hasOwn(CHECKS, name) && CHECKS[name]
    if (!check) throw new TypeError(`Unknown setting '${name}'. Known settings: ${Object.keys(CHECKS).join(', ')}`)
    if (value === undefined) continue
    const expected = value === null ? undefined : check(value)
    if (expected) throw new TypeError(`${name} must be ${expected}, or null`)
    changes[name] = value === null ? undefined : value
  }
  for (const name of ['dataDir', 'machineSecretPath', 'lockDir']) {
    if (changes[name] !== undefined) changes[name] = path.resolve(changes[name])
  }
  Object.assign(configuration, changes)
  return changes
}

/** Returns the facts that Rust needs when an object is constructed. */
function host() {
  const { env } = process
  const home = homeDirectory(env)
  return {
    hostname: os.hostname(),
    username: username(),
    home,
    dataDir: configuration.dataDir ?? null,
    dataHome: env.LLXPRT_DATA_HOME ?? null,
    configHome: env.LLXPRT_CONFIG_HOME ?? null,
    platformData: platformDataDirectory(env, home),
    osKeyringDisabled: env.LLXPRT_DISABLE_OS_KEYRING === '1' || env.LLXPRT_TEST_DISABLE_OS_KEYRING === '1',
    fileStorageForced: env.LLXPRT_FORCE_FILE_STORAGE === 'true',
    sessionBusAddress: env.DBUS_SESSION_BUS_ADDRESS ?? null,
    runtimeDir: env.XDG_RUNTIME_DIR ?? null,
    log: env.LLXPRT_SECURESTORE_LOG ?? null,
    defaults: {
      machineSecretPath: configuration.machineSecretPath,
      lockDir: configuration.lockDir,
      logger: configuration.logger,
      keyringLoader: typeof configuration.keyring === 'function' ? configuration.keyring : undefined,
    },
  }
}

/**
 * Returns the keyring for objects without a loader: the one that `configure`, `LLXPRT_KEYRING` or keyring.json selects;
 * `null` if none of them does.
 *
 * @param {string} dataDir
 * @param {string} rule the rule that chose the data directory
 */
function chooseKeyring(dataDir, rule) {
  const { keyring: configured } = configuration
  const { env } = process
  if (!configured && !env.LLXPRT_KEYRING && !mayExist(path.join(dataDir, 'keyring.json'))) return null
  const { chooseKeyringOrError } = require('./keyring-choice.js')
  return chooseKeyringOrError({ configured, ...locationOf(dataDir, rule, env) })
}

/** Returns the problem if the environment moved the data directory into the current project; otherwise `null`. */
function projectProblem(dataDir, rule) {
  const { env } = process
  if (rule === 'configure' || rule === 'home' || (rule === 'platform' && !env.XDG_DATA_HOME)) return null
  return require('./project-directory.js').dataDirectoryInProject(locationOf(dataDir, rule, env))
}

/**
 * Returns the user's home directory as an absolute path: the one that the environment names, otherwise the one in the user
 * database. `os.homedir()` is not used, because it returns `''` for an empty variable.
 *
 * @throws a `SecureStoreError` with code `UNAVAILABLE` if neither is known
 */
function homeDirectory(env) {
  const variable = process.platform === 'win32' ? 'USERPROFILE' : 'HOME'
  const home = env[variable] || userRecord()?.homedir
  if (home) return path.resolve(home)
  throw new SecureStoreError('The home directory is unknown', 'UNAVAILABLE', `Set ${variable} to the home directory`)
}

module.exports = { chooseKeyring, homeDirectory, host, projectProblem, setConfiguration }

function locationOf(dataDir, dataDirRule, env) {
  return { dataDir, dataDirRule, env, cwd: process.cwd(), home: homeDirectory(env) }
}

/** Returns whether the file exists, or cannot be examined; reading it then reports the error. */
function mayExist(file) {
  try {
    return fs.statSync(file, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

function aPath(value) {
  return typeof value === 'string' && value !== '' && !value.includes('\0') ? undefined : 'a path'
}

/** Returns the data directory of the CLI on this platform, which may not exist. */
function platformDataDirectory(env, home) {
  switch (process.platform) {
    case 'darwin':
      return path.join(home, 'Library', 'Application Support', 'llxprt-code')
    case 'win32':
      return path.join(env.LOCALAPPDATA || path.join(home, 'AppData', 'Local'), 'llxprt-code', 'Data')
    default:
      return path.resolve(env.XDG_DATA_HOME || path.join(home, '.local', 'share'), 'llxprt-code')
  }
}

function username() {
  const name = userRecord()?.username
  if (name) return name
  return process.getuid ? String(process.getuid()) : 'unknown'
}

/** Returns the user's entry in the user database; `undefined` if there is none, which is common in containers. */
function userRecord() {
  try {
    return os.userInfo()
  } catch {
    return undefined
  }
}
