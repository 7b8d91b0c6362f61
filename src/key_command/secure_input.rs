//! Hiding the key in what is typed, before it is shown or kept (R20).
//!
//! A line is masked by replacing one range of it, the key, by the key's mask; everything else stays as it is. Where the
//! key is follows from the grammar of [`super::parse`], so that what is hidden is what will be used as a key.

use std::ops::Range;

use zeroize::Zeroizing;

use super::mask::mask_for_display;
use super::parse::{Subcommand, split_word};
use crate::text::{is_white_space, trim};

/// A JavaScript string as it is, UTF-16 with half surrogate pairs and all; wiped when it is dropped.
pub type Units = Zeroizing<Vec<u16>>;

/// Remembers what was really typed while the screen shows a mask.
#[derive(Default)]
pub struct SecureInputHandler {
    actual: Units,
}

impl SecureInputHandler {
    /// Whether the text is a line that may hold a key: `/key`, `/keyfile` or `/toolkey` is its first word.
    pub fn should_use_secure_mode(text: &[u16]) -> bool {
        is_secure(&lossy(text))
    }

    /// Remembers the text, and gives it with its key masked, up to the first line break after the key's start.
    pub fn process_input(&mut self, text: Units) -> Units {
        let shown = masked(&text, key_while_typing);
        self.actual = text;
        shown
    }

    /// The text that was processed last; empty when there was none.
    pub fn actual_value(&self) -> &[u16] {
        &self.actual
    }

    /// Whether the text that was processed last may hold a key.
    pub fn is_in_secure_mode(&self) -> bool {
        Self::should_use_secure_mode(&self.actual)
    }

    /// Forgets the text.
    pub fn reset(&mut self) {
        self.actual = Units::default();
    }

    /// The command with its key masked to its end, line breaks included.
    pub fn sanitize_for_history(command: &[u16]) -> Units {
        masked(command, key_for_history)
    }
}

/// Whether the text is a line that may hold a key.
pub fn is_secure(text: &str) -> bool {
    matches!(split_word(text).0, "/key" | "/keyfile" | "/toolkey")
}

/// Where the key is that is being typed: from its start to the first line break, without white space at its end.
/// `None` when there is none.
pub fn key_while_typing(text: &str) -> Option<Range<usize>> {
    let start = key_start(text)?;
    let line = text[start..].split(['\r', '\n']).next().unwrap_or_default();
    Some(start..start + trim(line).len())
}

/// Where the key is in a command that goes into the history: from its start to the end, without white space there.
/// `None` when there is none.
pub fn key_for_history(text: &str) -> Option<Range<usize>> {
    if !is_secure(text) {
        return None;
    }
    // Several commands may have been pasted at once: a later line is looked at where the ones before it have no key.
    let mut from = 0;
    loop {
        let rest = &text[from..];
        if let Some(start) = key_start(rest) {
            let start = from + start;
            return Some(start..start + trim(&text[start..]).len());
        }
        let line = text.len() - rest.trim_start_matches(is_white_space).len();
        from = line + text[line..].find(['\r', '\n'])?;
    }
}

/// Where the key starts: the first character of a raw key, or of what follows the name or tool. `None` when the text is
/// not secure, names a subcommand without a key, or ends before the key.
fn key_start(text: &str) -> Option<usize> {
    let (command, args) = split_word(text);
    let key = match command {
        "/toolkey" => split_word(args).1,
        "/key" => match split_word(args) {
            (first, rest) if first == Subcommand::Save.word() => split_word(rest).1,
            (first, _) if Subcommand::parse(first).is_some() => return None,
            _ => args,
        },
        _ => return None,
    };
    let key = key.trim_start_matches(is_white_space);
    (!key.is_empty()).then_some(text.len() - key.len())
}

/// The text with what `key` finds replaced by its mask.
fn masked(text: &[u16], key: fn(&str) -> Option<Range<usize>>) -> Units {
    let readable = lossy(text);
    let Some(key) = key(&readable) else {
        return Units::new(text.to_vec());
    };
    // A half surrogate pair reads as U+FFFD, one unit like itself: places in the one text are places in the other.
    let units = |text: &str| text.encode_utf16().count();
    let start = units(&readable[..key.start]);
    let end = start + units(&readable[key.clone()]);
    let mask = mask_for_display(&readable[key]);
    let mut shown = Units::new(Vec::with_capacity(text.len()));
    shown.extend_from_slice(&text[..start]);
    shown.extend(mask.encode_utf16());
    shown.extend_from_slice(&text[end..]);
    shown
}

/// The text as Rust can read it. Its buffer never grows, so that wiping it leaves no copy behind.
fn lossy(text: &[u16]) -> Zeroizing<String> {
    let mut readable = Zeroizing::new(String::with_capacity(text.len() * 3));
    let characters = char::decode_utf16(text.iter().copied());
    readable.extend(characters.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    readable
}

#[cfg(test)]
mod tests;
