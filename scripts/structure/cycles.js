'use strict'

// Finds import cycles.

/**
 * Returns, for each group of files that import each other in cycles, the shortest cycle and all files of the group.
 *
 * @param {Iterable<{ from: string, to: string }>} imports
 * @returns {{ cycle: string[], group: string[] }[]} a cycle starts and ends with the same file
 */
function findCycles(imports) {
  /** @type {Map<string, Set<string>>} */
  const graph = new Map()
  for (const { from, to } of imports) graph.set(from, (graph.get(from) ?? new Set()).add(to))
  const cycles = []
  const reported = new Set()
  for (const file of [...graph.keys()].sort()) {
    if (reported.has(file)) continue
    // The group includes the file itself if a path leads back to it.
    const group = [...reachable(graph, file)].filter((other) => reachable(graph, other).has(file))
    for (const member of group) reported.add(member)
    const all = group.sort().map((member) => shortestCycle(graph, member))
    if (all.length > 0) cycles.push({ cycle: all.sort((a, b) => a.length - b.length)[0], group })
  }
  return cycles
}

/** Returns the shortest path from a file back to itself. */
function shortestCycle(graph, start) {
  const paths = [[start]]
  const visited = new Set()
  for (const path of paths) {
    for (const next of graph.get(path.at(-1)) ?? []) {
      if (next === start) return [...path, start]
      if (visited.has(next)) continue
      visited.add(next)
      paths.push([...path, next])
    }
  }
}

/** Returns the files that a file imports, directly and indirectly. It is one of them only if it is in a cycle. */
function reachable(graph, start) {
  const found = new Set()
  const queue = [start]
  for (const file of queue) {
    for (const next of graph.get(file) ?? []) {
      if (found.has(next)) continue
      found.add(next)
      queue.push(next)
    }
  }
  return found
}

module.exports = { findCycles }
