'use strict'

// Prints the Debian packages of the programs that the tests use and that are missing on this machine, one per line:
//
//   node scripts/test-programs.js | xargs --no-run-if-empty sudo apt-get install -y

const { TEST_PROGRAMS, missingPackages } = require('./lib/programs.js')

for (const name of missingPackages(TEST_PROGRAMS)) console.log(name)
