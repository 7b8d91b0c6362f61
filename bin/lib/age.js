'use strict'

// Encrypts and decrypts files in the age format with a passphrase: https://age-encryption.org/v1. `age -d` reads them.

const { CommandError } = require('./errors.js')

const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----'
const HEADER = 'age-encryption.org/v1\n'

/** Resolves to the encrypted text. Deriving the key takes about a second. */
async function encrypt(text, passphrase) {
  const { Encrypter } = await loadAge()
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  return encrypter.encrypt(text)
}

/**
 * Checks that a file is encrypted with a passphrase. Called before the user is asked for one.
 *
 * @param {Buffer} content the file, binary or armored
 * @param {string} file its name, for messages
 * @returns {Promise<(passphrase: string) => Promise<string>>} the function that decrypts it
 */
async function openEncrypted(content, file) {
  const binary = await withoutArmor(content, file)
  if (!binary.toString('latin1', 0, HEADER.length).startsWith(HEADER)) {
    throw new CommandError(`${file} is not an age file.`, "Pass a file that 'llxprt-key export' or 'age -p' wrote.")
  }
  // The line after the version names the kind of recipient.
  if (!binary.toString('latin1', HEADER.length, HEADER.length + 10).startsWith('-> scrypt ')) {
    throw new CommandError(
      `${file} is not encrypted with a passphrase.`,
      "Decrypt it with 'age -d', and encrypt it again with 'age -p'.",
    )
  }
  return (passphrase) => decrypt(binary, passphrase, file)
}

async function decrypt(binary, passphrase, file) {
  const { Decrypter } = await loadAge()
  const decrypter = new Decrypter()
  decrypter.addPassphrase(passphrase)
  try {
    return await decrypter.decrypt(binary, 'text')
  } catch {
    // A wrong passphrase and a damaged header cause the same error.
    throw new CommandError(`Cannot decrypt ${file}: the passphrase is wrong, or the file is damaged.`, 'Try again.')
  }
}

async function withoutArmor(content, file) {
  if (!content.toString('latin1', 0, 100).trimStart().startsWith(ARMOR)) return content
  const { armor } = await loadAge()
  try {
    return Buffer.from(armor.decode(content.toString('latin1')))
  } catch {
    throw new CommandError(`${file} is a damaged age file.`, 'Copy or download it again.')
  }
}

/** Loads the library at its first use, because loading it takes longer than most commands. */
async function loadAge() {
  try {
    return await import('age-encryption')
  } catch (error) {
    throw new CommandError(
      `Cannot load the package age-encryption (${error.code ?? error.message}).`,
      'Install @llxprt/securestore again, with its dependencies.',
    )
  }
}

module.exports = { encrypt, openEncrypted }
