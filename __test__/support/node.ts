// Runs JavaScript with the addon in a new process.

import { execFile } from 'node:child_process'
import path from 'node:path'

export const ROOT = path.join(__dirname, '../..')

interface Output {
  stdout: string
  stderr: string
}

/**
 * Runs the code (CommonJS; `securestore` is the addon) and returns its standard output. Rejects when the process fails, does
 * not end by itself, or prints anything on standard error.
 */
export async function runNode(code: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout, stderr } = await runNodeWithLog(code, env)
  if (stderr) throw new Error(`stdout: ${stdout}\nstderr: ${stderr}`)
  return stdout
}

/** Runs the code and returns what it prints on standard output and on standard error. */
export function runNodeWithLog(code: string, env: NodeJS.ProcessEnv): Promise<Output> {
  const program = `const securestore = require(${JSON.stringify(ROOT)});\n(async () => {${code}\n})()`
  return new Promise((resolve, reject) => {
    const limits = { timeout: 50_000, killSignal: 'SIGKILL' as const, maxBuffer: 2 ** 26 }
    const options = { env: { ...process.env, ...env }, ...limits }
    execFile(process.execPath, ['-e', program], options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\nstdout: ${stdout}\nstderr: ${stderr}`))
      else resolve({ stdout, stderr })
    })
  })
}
