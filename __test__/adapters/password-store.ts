// A temporary `pass` store with its own GnuPG key.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface PasswordStore {
  env: NodeJS.ProcessEnv
  directory: string
  /** Stops the agent and removes all files. */
  remove(): void
}

export function newPasswordStore(): PasswordStore {
  // A short path, because the path of a socket is limited and the agent has its sockets below it.
  const home = mkdtempSync(path.join(tmpdir(), 'pass-'))
  const gnupg = path.join(home, 'gnupg')
  const directory = path.join(home, 'store')
  mkdirSync(gnupg, { mode: 0o700 })
  const env = { PATH: process.env.PATH, HOME: home, GNUPGHOME: gnupg, PASSWORD_STORE_DIR: directory, LANG: 'C.UTF-8' }
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const user = 'Adapter tests <tests@securestore.invalid>'
  const generate = ['--quick-generate-key', user, 'default', 'default', 'never']
  run('gpg', '--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', '', ...generate)
  run('pass', 'init', 'tests@securestore.invalid')
  const remove = () => {
    execFileSync('gpgconf', ['--homedir', gnupg, '--kill', 'all'], { env })
    rmSync(home, { recursive: true, force: true })
  }
  return { env, directory, remove }
}
