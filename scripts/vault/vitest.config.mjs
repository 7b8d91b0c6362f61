// Runs the tests that need a real server. `npm run test:vault` starts it.

import path from 'node:path'
import { mergeConfig } from 'vitest/config'
import base from '../../vitest.config.mts'

const root = path.join(import.meta.dirname, '..', '..')
const everythingElse = { ...base, test: { ...base.test, include: [] } }

export default mergeConfig(everythingElse, { root, test: { include: ['__test__/adapters/real-vault.ts'] } })
