'use strict'

// Keyring adapters for the secret managers people already run. Loaded only by who asks for them.

const { createCommandAdapter } = require('./command.js')
const { createDockerCredentialAdapter } = require('./docker.js')
const { createVaultAdapter } = require('./vault.js')

module.exports = { createCommandAdapter, createDockerCredentialAdapter, createVaultAdapter }
