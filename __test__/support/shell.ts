// Runs the shell tools through pipes and in a pseudo-terminal.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import path from 'node:path'
import { expect } from 'vitest'
import { newDirectory } from './helpers'
import { ROOT } from './node'

export const LLXPRT_KEY = path.join(ROOT, 'bin/llxprt-key.js')
/** llxprt-key as a command of a shell. */
export const LLXPRT_KEY_COMMAND = `'${process.execPath}' '${LLXPRT_KEY}'`
const DEADLINE_MS = 50_000

/** Returns variables for a new home without a keyring. */
export const inFiles = () => ({ HOME: newDirectory(), LLXPRT_DISABLE_OS_KEYRING: '1' })

/** Returns the directory of the provider keys in a home. */
export const files = (home: string): string => path.join(home, '.llxprt', 'provider-keys')

/** The expected outcomes of a command that succeeds and of one that fails. */
export const done = (stdout: unknown) => ({ code: 0, stdout, stderr: '' })
export const failed = (message: string, code = 1) => ({ code, stdout: '', stderr: expect.stringContaining(message) })

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs llxprt-key with `input` on its standard input, a pipe. `first` is a module to load before it. */
export function llxprtKey(
  args: string[],
  env: NodeJS.ProcessEnv,
  input: string | Uint8Array = '',
  first?: string,
): Promise<Outcome> {
  const child = startLlxprtKey(args, env, first)
  // The process may end before it reads its input.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return outcome(child)
}

/** Starts llxprt-key with pipes as its standard streams. */
export function startLlxprtKey(args: string[], env: NodeJS.ProcessEnv, first?: string): ChildProcessWithoutNullStreams {
  const options = { env: { ...process.env, ...env }, timeout: DEADLINE_MS, killSignal: 'SIGKILL' as const }
  return spawn(process.execPath, [...(first ? ['--require', first] : []), LLXPRT_KEY, ...args], options)
}

/** Waits until a process ends. */
export function outcome(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => {
      output.stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      output.stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...output }))
  })
}

/** Waits until a stream contains `what`, and returns everything read until then. */
export function printed(stream: NodeJS.ReadableStream, what: string | RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const onData = (chunk: Buffer) => {
      text += chunk
      if (text.search(what) < 0) return
      stream.off('data', onData)
      resolve(text)
    }
    stream.on('data', onData)
    stream.on('end', () => reject(new Error(`'${what}' was never printed, only: ${text}`)))
  })
}

/** A shell command in a new pseudo-terminal, which the program `script` makes. */
export class Terminal {
  /** Everything shown so far. */
  screen = ''
  /** The exit code. */
  readonly ended: Promise<number | null>
  readonly #script: ChildProcessWithoutNullStreams
  #seen = 0
  #waiting: (() => void) | undefined

  constructor(command: string, env: NodeJS.ProcessEnv) {
    const all = { ...process.env, SHELL: '/bin/sh', TERM: 'xterm', ...env }
    this.#script = spawn('script', ['-qfec', command, '/dev/null'], { env: all, timeout: DEADLINE_MS })
    this.#script.stdout.on('data', (chunk) => {
      this.screen += chunk
      this.#waiting?.()
    })
    this.ended = new Promise((resolve, reject) => {
      this.#script.on('error', reject)
      this.#script.on('close', (code) => {
        resolve(code)
        this.#waiting?.()
      })
    })
  }

  /** Waits until the pattern is shown after the previous match, and returns the match. */
  async shows(what: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = what.exec(this.screen.slice(this.#seen))
      if (match) {
        this.#seen += match.index + match[0].length
        return match
      }
      if (this.#script.exitCode !== null) throw new Error(`${what} was never shown, only: ${this.screen}`)
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
  }

  type(text: string | Uint8Array): void {
    this.#script.stdin.write(text)
  }
}
