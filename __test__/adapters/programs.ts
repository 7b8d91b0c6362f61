// Shell scripts that tests run as programs.

import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { newDirectory } from '../support/helpers'

/** Creates a directory with these programs. */
export function newPrograms(programs: Record<string, string>): string {
  const directory = newDirectory()
  for (const [name, script] of Object.entries(programs)) {
    const file = path.join(directory, name)
    writeFileSync(file, `#!/bin/sh\n${script}\n`)
    chmodSync(file, 0o755)
  }
  return directory
}

/** Returns the environment with a directory at the front of PATH. */
export const withPath = (directory: string): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${directory}${path.delimiter}${process.env.PATH}`,
})
