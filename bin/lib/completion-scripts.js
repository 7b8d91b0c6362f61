'use strict'

// The completion scripts. Each runs `llxprt-key __names` to list the names of saved keys.

function bash(commands) {
  return `# bash completion for llxprt-key
_llxprt_key() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} i
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${[...Object.keys(commands), '--help', '--version'].join(' ')}' -- "$current"))
    return
  fi
  if [[ $command == run ]]; then
    for ((i = 2; i < COMP_CWORD; i++)); do
      if [[ \${COMP_WORDS[i]} == -- ]]; then
        local IFS=$'\\n'
        if ((i == COMP_CWORD - 1)); then COMPREPLY=($(compgen -c -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
        return
      fi
    done
  fi
  case $previous in
    ${fileOptions(commands).join(' | ')})
      local IFS=$'\\n'
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$current"))
      return
      ;;
    --as)
      COMPREPLY=($(compgen -v -- "$current"))
      return
      ;;
  esac
  if [[ $current == -* ]]; then
    case $command in
${eachCommand(commands, (word, options) => `      ${word}) COMPREPLY=($(compgen -W '${options.map(({ name }) => `--${name}`).join(' ')}' -- "$current")) ;;`)}
    esac
    return
  fi
  case $command in
    ${completing(commands, 'saved names').join(' | ')}) COMPREPLY=($(compgen -W "$(llxprt-key __names 2>/dev/null)" -- "$current")) ;;
    ${completing(commands, 'files').join(' | ')})
      local IFS=$'\\n'
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$current"))
      ;;
${eachChoice(commands, (word, choices) => `    ${word}) COMPREPLY=($(compgen -W '${choices}' -- "$current")) ;;`)}
  esac
}
complete -F _llxprt_key llxprt-key
`
}

function zsh(commands) {
  const described = Object.entries(commands).map(([word, { summary }]) => `    '${word}:${escapeZsh(summary)}'`)
  return `#compdef llxprt-key
# zsh completion for llxprt-key
_llxprt-key() {
  # Not \`commands\`: that name is special in zsh.
  local -a subcommands names
  subcommands=(
${described.join('\n')}
  )
  if ((CURRENT == 2)); then
    if [[ $words[2] == -* ]]; then compadd -- --help --version; else _describe -t commands command subcommands; fi
    return
  fi
  if [[ $words[2] == run ]]; then
    local separator=\${words[(i)--]}
    if ((separator < CURRENT)); then
      shift $separator words
      ((CURRENT -= separator))
      _normal -p llxprt-key
      return
    fi
  fi
  case $words[CURRENT-1] in
    ${fileOptions(commands).join(' | ')})
      _files
      return
      ;;
    --as)
      _parameters
      return
      ;;
  esac
  if [[ $words[CURRENT] == -* ]]; then
    case $words[2] in
${eachCommand(commands, (word, options) => `      ${word}) compadd -- ${options.map(({ name }) => `--${name}`).join(' ')} ;;`)}
    esac
    return
  fi
  case $words[2] in
    ${completing(commands, 'saved names').join(' | ')})
      names=(\${(f)"$(llxprt-key __names 2>/dev/null)"})
      compadd -a names
      ;;
    ${completing(commands, 'files').join(' | ')}) _files ;;
${eachChoice(commands, (word, choices) => `    ${word}) compadd ${choices} ;;`)}
  esac
}
if [[ $funcstack[1] == _llxprt-key ]]; then
  _llxprt-key "$@"
else
  compdef _llxprt-key llxprt-key
fi
`
}

function fish(commands) {
  const words = Object.entries(commands).map(
    ([word, { summary }]) => `complete -c llxprt-key -n __fish_use_subcommand -a ${word} -d '${escapeFish(summary)}'`,
  )
  const options = Object.keys(commands).flatMap((word) =>
    optionsOf(commands[word]).map(({ name, help, takes }) => {
      const values = { 'a file name': ' -r -F', 'an environment variable name': " -x -a '(set -n)'" }
      const value = takes ? (values[takes] ?? ' -x') : ''
      return `complete -c llxprt-key -n '__fish_seen_subcommand_from ${word}' -l ${name}${value} -d '${escapeFish(help)}'`
    }),
  )
  return `# fish completion for llxprt-key
function __llxprt_key_has_program
  string match -q run -- (commandline -opc)[2]; and contains -- -- (commandline -opc)
end
function __llxprt_key_program
  set -l tokens (commandline -opc)
  set -e tokens[1..(contains -i -- -- $tokens)]
  complete -C (string join ' ' -- (string escape -- $tokens) (commandline -ct))
end
complete -c llxprt-key -f
complete -c llxprt-key -n __llxprt_key_has_program -a '(__llxprt_key_program)'
${words.join('\n')}
complete -c llxprt-key -n __fish_use_subcommand -l help -d 'Show this help'
complete -c llxprt-key -n __fish_use_subcommand -l version -d 'Show the version'
complete -c llxprt-key -n '__fish_seen_subcommand_from ${completing(commands, 'saved names').join(' ')}; and not __llxprt_key_has_program' -a '(llxprt-key __names 2>/dev/null)' -d 'Saved key'
complete -c llxprt-key -n '__fish_seen_subcommand_from ${completing(commands, 'files').join(' ')}' -F
${eachChoice(commands, (word, choices) => `complete -c llxprt-key -n '__fish_seen_subcommand_from ${word}' -a '${choices}'`)}
${options.join('\n')}
`
}

function eachCommand(commands, format) {
  return Object.keys(commands)
    .map((word) => format(word, optionsOf(commands[word])))
    .join('\n')
}

/** Returns the names of the commands whose `completes` is this kind. */
function completing(commands, kind) {
  return Object.keys(commands).filter((word) => commands[word].completes === kind)
}

/** Returns the options whose value is a file. */
function fileOptions(commands) {
  const options = Object.values(commands).flatMap((command) => Object.entries(command.options ?? {}))
  const files = options.filter(([, { requires }]) => requires === 'a file name')
  return files.flatMap(([name, { short }]) => (short ? [`--${name}`, `-${short}`] : [`--${name}`]))
}

/** Formats each command whose `completes` is an array of words. */
function eachChoice(commands, format) {
  const words = Object.keys(commands).filter((word) => Array.isArray(commands[word].completes))
  return words.map((word) => format(word, commands[word].completes.join(' '))).join('\n')
}

/** Returns the options of a command with their help text, `--help` last. */
function optionsOf({ options = {}, optionHelp = [] }) {
  const own = Object.entries(options).map(([name, { requires }]) => {
    const [, help] = optionHelp.find(([term]) => term.split(/[ ,]/, 1)[0] === `--${name}`) ?? [undefined, '']
    return { name, help, takes: requires }
  })
  return [...own, { name: 'help', help: 'Show this help' }]
}

function escapeZsh(text) {
  return text.replaceAll("'", "'\\''").replaceAll(':', '\\:')
}

function escapeFish(text) {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
}

module.exports = { bash, fish, zsh }
