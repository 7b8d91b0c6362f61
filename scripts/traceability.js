'use strict'

// Checks that tests name every requirement of docs/requirements.md, and no other requirement.

const { readdirSync, readFileSync } = require('node:fs')
const path = require('node:path')
const { root } = require('./lib/run.js')

/** Requirement numbers in the names of tests: `R7B.1` (JavaScript, tables) or `r7b_1` (Rust). */
const IN_TEXT = /\bR(\d+[A-C]?)(?:\.(\d+))?\b/g
const IN_IDENTIFIER = /(?<![a-z0-9])r(\d+[a-c]?)(?:_(\d+))?(?=_)/g

function main() {
  const required = new Set([...read('docs/requirements.md').matchAll(/^- (R[\dA-C.]+):/gm)].map(([, number]) => number))
  const named = new Map()
  for (const { name, file, pattern } of [...rustTests(), ...javaScriptTests(), ...tableRows()]) {
    for (const number of numbers(name, pattern)) named.set(number, [...(named.get(number) ?? []), `${file}: ${name}`])
  }
  const untested = [...required].filter((number) => !named.has(number))
  const unknown = [...named.keys()].filter((number) => !required.has(number))
  for (const number of untested) console.error(`No test names ${number}`)
  for (const number of unknown)
    console.error(`${named.get(number)[0]} names ${number}, which is not in docs/requirements.md`)
  console.log(`${required.size} requirements, ${required.size - untested.length} named by tests`)
  process.exitCode = untested.length + unknown.length === 0 ? 0 : 1
}

function numbers(name, pattern) {
  return [...name.matchAll(pattern)].map(([, number, part]) => `R${number.toUpperCase()}${part ? `.${part}` : ''}`)
}

/** Returns the functions with a test attribute, including those inside `proptest!`. */
function rustTests() {
  const files = ['src', 'crates', 'tests'].flatMap((folder) => filesBelow(folder, '.rs'))
  return files.flatMap((file) => {
    const tests = read(file).matchAll(/#\[(?:tokio::)?test[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn (\w+)/g)
    return [...tests].map(([, name]) => ({ name, file, pattern: IN_IDENTIFIER }))
  })
}

function javaScriptTests() {
  return filesBelow('__test__', '.test.ts').flatMap((file) => {
    const tests = read(file).matchAll(/^\s*(?:test|describe)(?:\.each\([\s\S]*?\))?\(\s*(['"`])(.*?)\1/gm)
    return [...tests].map(([, , name]) => ({ name, file, pattern: IN_TEXT }))
  })
}

function tableRows() {
  const file = 'tests/data/decisions.txt'
  const rows = read(file)
    .split('\n')
    .filter((line) => line.startsWith('R'))
  return rows.map((name) => ({ name, file, pattern: IN_TEXT }))
}

function filesBelow(folder, ending) {
  const entries = readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
  return entries.filter((name) => name.endsWith(ending)).map((name) => path.join(folder, name))
}

function read(file) {
  return readFileSync(path.join(root, file), 'utf8')
}

main()
