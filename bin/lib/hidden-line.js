'use strict'

// A line that is typed or pasted into a terminal in raw mode, where nobody but us looks after its editing.

const ESCAPE = '\u001b'
const PASTE_BEGINS = `${ESCAPE}[200~`
const PASTE_ENDS = `${ESCAPE}[201~`

const CANCEL = new Set(['\u0003', '\u0004', '\u001c']) // Ctrl-C, Ctrl-D, Ctrl-\
const ERASE = new Set(['\u007f', '\b'])
const ERASE_ALL = '\u0015' // Ctrl-U
const ENTER = new Set(['\r', '\n'])

class HiddenLine {
  /** By character, so that backspace removes a whole one. */
  #characters = []
  /** What came so far of a control sequence, such as that of an arrow key; none of it is part of the line. */
  #sequence = ''
  #pasting = false

  /** The line so far. */
  get text() {
    return this.#characters.join('')
  }

  /**
   * Takes what was typed.
   *
   * @param {string} typed
   * @returns {'done' | 'cancelled' | undefined} `undefined` while the line goes on
   */
  type(typed) {
    for (const character of typed) {
      if (CANCEL.has(character)) return 'cancelled'
      if (this.#sequence !== '' && this.#inSequence(character)) continue
      if (ENTER.has(character) && !this.#pasting) return 'done'
      this.#edit(character)
    }
    return undefined
  }

  /** Whether the character belongs to the sequence that has begun. An Escape that stands alone begins none. */
  #inSequence(character) {
    const begun = this.#sequence
    this.#sequence = ''
    if (character < ' ') return false
    if (begun === ESCAPE) {
      if (character !== '[' && character !== 'O') return false
      this.#sequence = begun + character
      return true
    }
    const sequence = begun + character
    const ended = begun === `${ESCAPE}O` || (character >= '@' && character <= '~')
    if (!ended) this.#sequence = sequence
    else if (sequence === PASTE_BEGINS) this.#pasting = true
    else if (sequence === PASTE_ENDS) this.#pasting = false
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
