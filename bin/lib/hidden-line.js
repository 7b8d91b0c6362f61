'use strict'

// Edits a line that is typed or pasted into a terminal in raw mode, in which the terminal itself does no editing.

const ESCAPE = '\u001b'
const PASTE_START = `${ESCAPE}[200~`
const PASTE_END = `${ESCAPE}[201~`

const CANCEL = new Set(['\u0003', '\u0004', '\u001c']) // Ctrl-C, Ctrl-D, Ctrl-\
const ERASE = new Set(['\u007f', '\b'])
const ERASE_ALL = '\u0015' // Ctrl-U
const ENTER = new Set(['\r', '\n'])

class HiddenLine {
  /** The characters of the line. Backspace removes a whole code point. */
  #characters = []
  /** The unfinished control sequence, such as that of an arrow key. It is not part of the line. */
  #sequence = ''
  #pasting = false

  /** The line so far. */
  get text() {
    return this.#characters.join('')
  }

  /**
   * Adds one typed character.
   *
   * @param {string} character
   * @returns {'done' | 'cancelled' | undefined} `undefined` while the line is not finished
   */
  type(character) {
    if (CANCEL.has(character)) return 'cancelled'
    if (this.#sequence !== '' && this.#continueSequence(character)) return undefined
    if (ENTER.has(character) && !this.#pasting) return 'done'
    this.#edit(character)
    return undefined
  }

  /** Returns whether the character belongs to the unfinished sequence. Escape alone is not a sequence. */
  #continueSequence(character) {
    const started = this.#sequence
    this.#sequence = ''
    if (character < ' ') return false
    if (started === ESCAPE) {
      if (character !== '[' && character !== 'O') return false
      this.#sequence = started + character
      return true
    }
    const sequence = started + character
    const finished = started === `${ESCAPE}O` || (character >= '@' && character <= '~')
    if (!finished) this.#sequence = sequence
    else if (sequence === PASTE_START) this.#pasting = true
    else if (sequence === PASTE_END) this.#pasting = false
    return true
  }

  #edit(character) {
    if (character === ESCAPE) this.#sequence = character
    else if (ERASE.has(character)) this.#characters.pop()
    else if (character === ERASE_ALL) this.#characters = []
    else if (ENTER.has(character)) this.#characters.push('\n')
    else if (character >= ' ') this.#characters.push(character)
  }
}

module.exports = { HiddenLine }
