import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    // Every file in a process of its own: tests change the environment, end workers, and count handles.
    pool: 'forks',
    setupFiles: ['__test__/support/environment.ts'],
    globalSetup: ['__test__/support/global.ts'],
    // The package is loaded as its users load it, by Node, not by the test runner.
    server: { deps: { external: [/\/(index|lib\/.+)\.js$/] } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
