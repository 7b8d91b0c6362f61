'use strict'

const { readFileSync } = require('node:fs')
const path = require('node:path')
const { chooseKeyring, fromFile } = require('../../../lib/keyring-choice.js')
const { keyringFile, writeKeyringFile } = require('../../../lib/keyring-file.js')
const { dataDirectoryInProject } = require('../../../lib/project-directory.js')
const { dataDirectory, homeDirectory } = require('../data-dir.js')
const { CommandError, UsageError } = require('../errors.js')
const { print, printNotice } = require('../output.js')
const { nearest, quoteUnknown } = require('../suggest.js')

/** An account that does not exist. Reading it shows whether the keyring answers. */
const PROBE = ['llxprt-code-provider-keys', '__securestore_probe__']
/** The options of `use vault`, and the fields of the file they set. */
const VAULT_FIELDS = {
  address: 'address',
  mount: 'mount',
  prefix: 'prefix',
  namespace: 'namespace',
  'token-file': 'tokenFile',
}
/** Variables that tell programs their directories. They are recorded, because a project must not be able to set them. */
const RECORDED_VARIABLES = ['PASSWORD_STORE_DIR', 'GNUPGHOME']

const KINDS = {
  os: { takes: [], setting: () => ({ keyring: 'os' }) },
  files: { takes: [], setting: () => ({ keyring: 'files' }) },
  vault: { takes: [], setting: vaultSetting },
  docker: { takes: ['name'], setting: ([helper]) => ({ keyring: 'docker', helper, ...recordedEnvironment() }) },
  command: { takes: ['file'], setting: commandSetting },
}

const use = {
  usage: `use
llxprt-key use os|files
llxprt-key use vault [--address URL] [--mount PATH] [--prefix PATH] [--namespace NAME] [--token-file FILE]
llxprt-key use docker NAME
llxprt-key use command FILE`,
  synopsis: 'use [KEYRING]',
  summary: 'Show or choose the keyring: os, files, vault, docker NAME or command FILE',
  details: `Without arguments, it shows which keyring is used and what selected it. FILE is a JSON object with the commands get, \
set, delete and list. Each is an array of a program and its arguments, in which {service} and {account} stand for the names. \
Keys that are already saved stay where they are.`,
  names: [],
  completes: Object.keys(KINDS),
  rest: true,
  options: {
    address: { type: 'string', requires: 'a URL' },
    mount: { type: 'string', requires: 'a path' },
    prefix: { type: 'string', requires: 'a path' },
    namespace: { type: 'string', requires: 'a name' },
    'token-file': { type: 'string', requires: 'a file name' },
  },
  optionHelp: [
    ['--address URL', 'The Vault server; by default VAULT_ADDR or BAO_ADDR, recorded now'],
    ['--mount PATH', 'Its key-value mount; by default secret'],
    ['--prefix PATH', 'The path below the mount; by default llxprt'],
    ['--namespace NAME', 'Its namespace'],
    ['--token-file FILE', 'A file that holds the token; by default VAULT_TOKEN, BAO_TOKEN or ~/.vault-token'],
  ],
  examples: [
    'llxprt-key use',
    'llxprt-key use vault --address https://vault.example.com:8200',
    'llxprt-key use docker pass',
    'llxprt-key use command commands.json',
  ],
  run,
}

async function run({ names: [kind, ...args], options }) {
  const vaultOptions = Object.keys(VAULT_FIELDS).filter((name) => options[name] !== undefined)
  if (kind !== 'vault' && vaultOptions.length > 0)
    throw new UsageError(`--${vaultOptions[0]} is for 'use vault'.`, 'use')
  const { path: dataDir, rule } = dataDirectory()
  const context = { dataDir, dataDirRule: rule, env: process.env, cwd: process.cwd(), home: homeDirectory() }
  if (kind === undefined) show(context)
  else await choose(kind, args, options, context)
}

function show(context) {
  const choice = chooseKeyring(context)
  if (choice === null) print('Keyring: the keyring of the operating system (the default)')
  else print(`Keyring: ${choice.description} (chosen by ${choice.source})`)
}

async function choose(kind, args, options, context) {
  if (!Object.hasOwn(KINDS, kind)) {
    throw new UsageError(`Unknown keyring${quoteUnknown(kind)}.`, 'use', nearest(kind, Object.keys(KINDS)))
  }
  const { takes, setting: settingOf } = KINDS[kind]
  if (args.length < takes.length) throw new UsageError(`Missing argument <${takes[args.length]}>.`, 'use')
  if (args.length > takes.length) throw new UsageError('Too many arguments.', 'use')
  const problem = dataDirectoryInProject(context)
  if (problem !== null) {
    throw new CommandError(`${problem.message}. A keyring.json in a project is not used.`, `${problem.remediation}.`)
  }

  const file = keyringFile(context.dataDir)
  const setting = settingOf(args, options)
  // Checks the setting in the same way as its first use does.
  const choice = fromFile(kind === 'command' ? args[0] : `use ${kind}`, setting, process.env)
  try {
    writeKeyringFile(context.dataDir, setting)
  } catch (error) {
    throw new CommandError(`Cannot write ${file} (${error.code}).`, 'Check the permissions of the data directory.')
  }
  print(`Keyring: ${choice.description} (chosen by ${file})`)
  if (process.env.LLXPRT_KEYRING?.trim()) printNotice('LLXPRT_KEYRING is set, and takes precedence over the file.')
  await reportProblem(choice)
}

/** Reads from the keyring once. The choice is stored even if that fails, because the server may be down temporarily. */
async function reportProblem({ loader }) {
  try {
    await (await loader?.())?.getPassword(...PROBE)
  } catch ({ code, message, remediation }) {
    printNotice(`The keyring does not answer yet: ${message} (${code}). ${remediation}.`)
  }
}

function vaultSetting(_, options) {
  const setting = { keyring: 'vault' }
  for (const [name, field] of Object.entries(VAULT_FIELDS)) {
    if (options[name] !== undefined)
      setting[field] = name === 'token-file' ? path.resolve(options[name]) : options[name]
  }
  setting.address ??= process.env.VAULT_ADDR?.trim() || process.env.BAO_ADDR?.trim()
  if (!setting.address) throw new UsageError('Missing --address.', 'use')
  return setting
}

function commandSetting([file]) {
  let commands
  try {
    commands = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new CommandError(`${file} is not JSON.`, 'Write a JSON object with the command get.')
    throw new CommandError(`Cannot read ${file} (${error.code}).`, 'Check the file name.')
  }
  if (commands === null || typeof commands !== 'object' || Array.isArray(commands)) {
    throw new CommandError(`${file} does not contain a JSON object.`, 'Write a JSON object with the command get.')
  }
  const { environment } = recordedEnvironment()
  const setting = { ...commands, keyring: 'command' }
  // A wrong value is kept here and refused later, with the rest of the file.
  if (environment && (commands.environment === undefined || typeof commands.environment === 'object')) {
    setting.environment = { ...environment, ...commands.environment }
  }
  return setting
}

function recordedEnvironment() {
  const recorded = RECORDED_VARIABLES.filter((name) => process.env[name]).map((name) => [
    name,
    path.resolve(process.env[name]),
  ])
  return recorded.length === 0 ? {} : { environment: Object.fromEntries(recorded) }
}

module.exports = { use }
