// A host's first file: it reads the command line before anything else is there, and passes on what it found. It resolves
// nothing, and what it logs says only whether a flag was given.

import { type KeyArgs, parseKeyArgs } from '@llxprt/securestore'

export interface BootstrapArgs extends KeyArgs {
  profileName: string | null
}

export interface Bootstrap {
  args: BootstrapArgs
  metadata: { source: 'cli.bootstrap'; argumentCount: number }
}

export function parseBootstrapArgs(argv: readonly string[], debug: (line: string) => void): Bootstrap {
  const keyArgs = parseKeyArgs(argv)
  const at = argv.indexOf('--profile-load')
  const args = { ...keyArgs, profileName: at === -1 ? null : (argv[at + 1] ?? null) }
  const given = Object.entries(keyArgs).filter(([, value]) => value !== null)
  debug(`bootstrap: ${given.map(([name]) => name).join(', ') || 'no key'} given`)
  return { args, metadata: { source: 'cli.bootstrap', argumentCount: argv.length } }
}
