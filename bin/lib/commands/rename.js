'use strict'

const { CommandError, UsageError } = require('../errors.js')
const { checkName, load, storage } = require('../key-store.js')
const { print } = require('../output.js')

const rename = {
  usage: 'rename <old> <new> [--force]',
  synopsis: 'rename <old> <new>',
  summary: 'Rename a key',
  details: 'The key is deleted under its old name only after it was read back under the new one.',
  names: ['old', 'new'],
  completes: 'saved names',
  options: { force: { type: 'boolean' } },
  optionHelp: [['--force', 'Overwrite a key that has the new name']],
  examples: ['llxprt-key rename openai openai-work'],
  run,
}

async function run({ names: [from, to], options: { force } }) {
  checkName(from, 'rename')
  checkName(to, 'rename')
  if (from === to) throw new UsageError('The new name is the same as the old one.', 'rename')
  const keys = storage()
  const key = await load(from)
  await checkFree(keys, from, to, force)
  await keys.saveKey(to, key)
  const copy = await keys.getKey(to)
  // Saving trims white space, which a key that another program stored may contain.
  if (copy !== key.trim()) {
    throw new CommandError(`Key '${to}' changed while it was saved; '${from}' is unchanged.`, 'Try again.')
  }
  try {
    await keys.deleteKey(from)
  } catch (error) {
    throw new CommandError(`Key '${to}' is saved, but '${from}' still exists: ${error.message}`, error.remediation)
  }
  print(`Renamed key '${from}' to '${to}'`)
}

async function checkFree(keys, from, to, force) {
  const onlyCaseDiffers = from.toLowerCase() === to.toLowerCase()
  if ((force && !onlyCaseDiffers) || !(await keys.hasKey(to))) return
  if (!onlyCaseDiffers) throw new CommandError(`Key '${to}' already exists.`, 'Pass --force to overwrite it.')
  // On a system that ignores case, both names are the same entry: deleting the old name would delete the key.
  throw new CommandError(
    `Key '${to}' already exists, or is '${from}' itself: some systems ignore case.`,
    'Rename to a third name first.',
  )
}

module.exports = { rename }
