// @ts-check
'use strict'

// What the implementations of the Secret Service on a private bus share.

/** @typedef {InstanceType<typeof import('./private-bus.js').PrivateBus>} PrivateBus */

/** A Secret Service on a private bus. A subclass starts its program and assigns it to `daemon`. */
class PrivateService {
  /**
   * The address of the bus.
   *
   * @readonly
   */
  address
  /**
   * @protected
   * @readonly
   */
  bus
  /**
   * The program of the service, once it was started.
   *
   * @protected
   * @type {import('node:child_process').ChildProcess | undefined}
   */
  daemon

  /** @param {PrivateBus} bus a running bus, which the service then owns */
  constructor(bus) {
    this.bus = bus
    this.address = bus.address
  }

  /** Ends the program and the bus. */
  stop() {
    this.daemon?.kill('SIGKILL')
    this.bus.stop()
  }

  /**
   * Returns an environment for programs that use this service.
   *
   * @returns {NodeJS.ProcessEnv}
   */
  environment() {
    return this.bus.environment()
  }
}

/**
 * Resolves to the service when `start` has started it. If that fails, stops what was started and rejects.
 *
 * @template {PrivateService} T
 * @param {T} service
 * @param {(service: T) => void | Promise<void>} start
 * @returns {Promise<T>}
 */
async function startService(service, start) {
  try {
    await start(service)
  } catch (error) {
    service.stop()
    throw error
  }
  return service
}

module.exports = { PrivateService, startService }
