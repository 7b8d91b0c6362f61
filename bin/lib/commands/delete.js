'use strict'

const { CommandError } = require('../errors.js')
const { confirm, isInteractive } = require('../input.js')
const { checkName, notFound, storage } = require('../key-store.js')
const { print } = require('../output.js')

const remove = {
  usage: 'delete <name> [--force]',
  synopsis: 'delete <name>',
  summary: 'Delete a key',
  details: 'On a terminal, it asks first.',
  names: ['name'],
  completes: 'saved names',
  options: { force: { type: 'boolean' } },
  optionHelp: [['--force', 'Delete without asking']],
  examples: ['llxprt-key delete openai'],
  run,
}

async function run({ names: [name], options: { force } }) {
  checkName(name, 'delete')
  const keys = storage()
  if (!force) {
    // An error counts as an existing key: deleting is the remedy for a damaged one.
    if ((await keys.hasKey(name).catch(() => true)) === false) throw notFound(name)
    if (!isInteractive()) {
      throw new CommandError(`Key '${name}' was not deleted.`, 'Not a terminal: pass --force to delete without asking.')
    }
    if (!(await confirm(`Delete key '${name}'?`))) throw new CommandError('Nothing was deleted.')
  }
  if (!(await keys.deleteKey(name))) throw notFound(name)
  print(`Deleted key '${name}'`)
}

module.exports = { remove }
