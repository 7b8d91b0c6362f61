'use strict'

// The commands by name, in the order of the help. `run` takes { names, options, program } and returns the exit code (nothing
// means 0) or throws. `completes` says what a shell completes as arguments: saved names, files or an array of words.

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

/** Commands that the help does not list. The completion scripts call them. */
const HIDDEN_COMMANDS = { __names: names }

module.exports = { COMMANDS, HIDDEN_COMMANDS }
