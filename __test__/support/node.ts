// Runs a piece of JavaScript in a Node process of its own, with the addon in it.

import { execFile } from 'node:child_process'
import path from 'node:path'

export const ROOT = path.join(__dirname, '../..')

/**
 * Runs the code (CommonJS; `securestore` is the addon) and gives what it printed on standard output.
 * Fails when the process does, when it does not end by itself, and when it prints anything on standard error.
 */
export function runNode(code: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const program = `const securestore = require(${JSON.stringify(ROOT)});\n(async () => {${code}\n})()`
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, timeout: 50_000, killSignal: 'SIGKILL' as const }
    execFile(process.execPath, ['-e', program], options, (error, stdout, stderr) => {
      if (error || stderr) reject(new Error(`${error?.message ?? ''}\nstdout: ${stdout}\nstderr: ${stderr}`))
      else resolve(stdout)
    })
  })
}

/** The same for a program that may say something on standard error, which comes back too. */
export function runNodeWithLog(code: string, env: NodeJS.ProcessEnv): Promise<{ stdout: string; stderr: string }> {
  const program = `const securestore = require(${JSON.stringify(ROOT)});\n(async () => {${code}\n})()`
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, timeout: 50_000, maxBuffer: 2 ** 26 }
    execFile(process.execPath, ['-e', program], options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\nstdout: ${stdout}\nstderr: ${stderr}`))
      else resolve({ stdout, stderr })
    })
  })
}
