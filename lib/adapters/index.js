'use strict'

// Keyring adapters for secret managers. They are loaded only through `@llxprt/securestore/adapters`.

const { createCommandAdapter } = require('./command.js')
const { createDockerCredentialAdapter } = require('./docker.js')
const { createVaultAdapter } = require('./vault.js')

module.exports = { createCommandAdapter, createDockerCredentialAdapter, createVaultAdapter }
