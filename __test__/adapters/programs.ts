// Programs for tests, written as shell scripts into a directory of their own.

import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { newDirectory } from '../support/helpers'

/** A directory with these programs. */
export function newPrograms(programs: Record<string, string>): string {
  const directory = newDirectory()
  for (const [name, script] of Object.entries(programs)) {
    const file = path.join(directory, name)
    writeFileSync(file, `#!/bin/sh\n${script}\n`)
    chmodSync(file, 0o755)
  }
  return directory
}

/** The environment in which programs are found in a directory first. */
export const withPath = (directory: string): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${directory}${path.delimiter}${process.env.PATH}`,
})
