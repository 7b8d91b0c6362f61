'use strict'

// Records which exports are used, so that none is left untested on a platform.

const left = new Set()

/** Wraps the exports to record their use: functions and constants as a whole, classes method by method. */
function watch(exports) {
  for (const [name, value] of Object.entries(exports)) {
    if (!isClass(name, value)) left.add(name)
    else for (const method of methodsOf(value)) watchMethod(name, value.prototype, method)
  }
  return new Proxy(exports, {
    get(target, name) {
      left.delete(name)
      return target[name]
    },
  })
}

/** Returns the names of exports that were not used. */
function unused() {
  return [...left].sort()
}

function isClass(name, value) {
  return typeof value === 'function' && /^[A-Z]/.test(name)
}

function methodsOf({ prototype }) {
  const all = Object.entries(Object.getOwnPropertyDescriptors(prototype))
  return all.flatMap(([name, { value }]) => (typeof value === 'function' && name !== 'constructor' ? [name] : []))
}

function watchMethod(className, prototype, method) {
  const name = `${className}.${method}`
  const original = prototype[method]
  left.add(name)
  prototype[method] = function (...args) {
    left.delete(name)
    return original.apply(this, args)
  }
}

module.exports = { unused, watch }
