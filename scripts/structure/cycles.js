'use strict'

// Finds import cycles.

/**
 * Returns, for each group of files that import each other in circles, the shortest circle and all files of the group.
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
    // The file itself is in this group when a way leads back to it.
    const group = [...reachable(graph, file)].filter((other) => reachable(graph, other).has(file))
    for (const member of group) reported.add(member)
    const all = group.sort().map((member) => shortestCycle(graph, member))
    if (all.length > 0) cycles.push({ cycle: all.sort((a, b) => a.length - b.length)[0], group })
  }
  return cycles
}

/** Returns the shortest way from a file back to itself. */
function shortestCycle(graph, start) {
  const ways = [[start]]
  const visited = new Set()
  for (const way of ways) {
    for (const next of graph.get(way.at(-1)) ?? []) {
      if (next === start) return [...way, start]
      if (visited.has(next)) continue
      visited.add(next)
      ways.push([...way, next])
    }
  }
}

/** Returns the files that can be reached from one; itself only through a cycle. */
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
