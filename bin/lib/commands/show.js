'use strict'

const { checkName, load, mask } = require('../key-store.js')
const { print } = require('../output.js')

const show = {
  usage: 'show <name>',
  synopsis: 'show <name>',
  summary: 'Show a key, masked',
  names: ['name'],
  completes: 'saved names',
  examples: ['llxprt-key show openai'],
  run,
}

async function run({ names: [name] }) {
  checkName(name, 'show')
  const key = await load(name)
  print(`${name}: ${mask(key)} (${[...key].length} chars)`)
}

module.exports = { show }
