'use strict'

const { CommandError } = require('../errors.js')
const { checkName, load, locate } = require('../key-store.js')
const { print } = require('../output.js')

const get = {
  usage: 'get <name> [--json] [--reveal]',
  synopsis: 'get <name>',
  summary: 'Print a key, for programs that read it from a command',
  details: 'On a terminal, it requires --reveal.',
  names: ['name'],
  completes: 'saved names',
  options: { json: { type: 'boolean' }, reveal: { type: 'boolean' } },
  optionHelp: [
    ['--json', 'Print { name, place, key } as JSON'],
    ['--reveal', 'Print the key even on a terminal'],
  ],
  examples: [
    'llxprt-key get openai | wc -c',
    'curl -H "Authorization: Bearer $(llxprt-key get openai)" https://api.openai.com/v1/models',
  ],
  run,
}

async function run({ names: [name], options: { json, reveal } }) {
  checkName(name, 'get')
  if (process.stdout.isTTY && !reveal) {
    throw new CommandError(
      `Key '${name}' is not printed on a terminal.`,
      `Pass --reveal to print it, or run 'llxprt-key show ${name}' to see it masked.`,
    )
  }
  const key = await load(name)
  if (json) print(JSON.stringify({ name, place: await locate(name), key }))
  else process.stdout.write(`${key}\n`)
}

module.exports = { get }
