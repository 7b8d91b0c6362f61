import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    // Each file runs in a process of its own, because tests change the environment, end workers and count handles.
    pool: 'forks',
    setupFiles: ['__test__/support/environment.ts'],
    globalSetup: ['__test__/support/global.ts'],
    // Node loads the package, as it does for users, not the test runner.
    server: { deps: { external: [/\/(index|lib\/.+)\.js$/] } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
