// The first file of a host. Parses the command line and returns the flags, without resolving a key. It logs only which flags
// were given.

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
