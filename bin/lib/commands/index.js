'use strict'

// The commands by their word, in the order of the help. `run` gets { names, options, program } and returns the exit code
// (0 if it returns nothing) or throws. `completes` is what a shell completes as arguments: saved names, files or words.

const { completionFor } = require('./completion.js')
const { remove } = require('./delete.js')
const { doctor } = require('./doctor.js')
const { exportCommand } = require('./export.js')
const { get } = require('./get.js')
const { importCommand } = require('./import.js')
const { list } = require('./list.js')
const { names } = require('./names.js')
const { rename } = require('./rename.js')
const { runCommand } = require('./run.js')
const { save } = require('./save.js')
const { show } = require('./show.js')
const { use } = require('./use.js')

const VISIBLE = {
  save,
  list,
  show,
  get,
  delete: remove,
  rename,
  run: runCommand,
  export: exportCommand,
  import: importCommand,
  use,
  doctor,
}

const COMMANDS = { ...VISIBLE, completion: completionFor(VISIBLE) }

/** Not in the help: the completion scripts call them. */
const HIDDEN_COMMANDS = { __names: names }

module.exports = { COMMANDS, HIDDEN_COMMANDS }
