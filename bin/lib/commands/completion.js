'use strict'

const { UsageError } = require('../errors.js')
const { print } = require('../output.js')
const { nearest, quoteUnknown } = require('../suggest.js')
const scripts = require('../completion-scripts.js')

/** Returns the command that prints completion scripts for `commands`. */
function completionFor(commands) {
  const completion = {
    usage: 'completion bash|zsh|fish',
    synopsis: 'completion <shell>',
    summary: 'Print a completion script for a shell',
    details: 'The script completes commands, options and the names of saved keys.',
    names: ['shell'],
    completes: Object.keys(scripts),
    examples: [
      'source <(llxprt-key completion bash)     # in ~/.bashrc',
      'source <(llxprt-key completion zsh)      # in ~/.zshrc, after compinit',
      'llxprt-key completion fish | source      # in ~/.config/fish/config.fish',
    ],
    run({ names: [shell] }) {
      if (!Object.hasOwn(scripts, shell)) {
        const suggestion = nearest(shell, Object.keys(scripts))
        throw new UsageError(`Unknown shell${quoteUnknown(shell, suggestion)}.`, 'completion', suggestion)
      }
      print(scripts[shell]({ ...commands, completion }))
    },
  }
  return completion
}

module.exports = { completionFor }
