//! Masks the key in what is typed, before it is shown or kept.
//!
//! Masking replaces one range of a line, the key, by its mask; the rest stays unchanged. The grammar of [`super::parse`]
//! says where the key is, so that what is masked is what will be used as the key.

use std::ops::Range;

use zeroize::Zeroizing;

use super::mask::mask_for_display;
use super::parse::{Subcommand, split_word};
use crate::text::{is_white_space, trim};

/// A JavaScript string in UTF-16, possibly with unpaired surrogates. Wiped on drop.
pub type Units = Zeroizing<Vec<u16>>;

/// Remembers the typed text while the screen shows a mask.
#[derive(Default)]
pub struct SecureInputHandler {
    actual: Units,
}

impl SecureInputHandler {
    /// Returns whether a line may hold a key: its first word is `/key`, `/keyfile` or `/toolkey`.
    pub fn should_use_secure_mode(text: &[u16]) -> bool {
        is_secure(&lossy(text))
    }

    /// Remembers the text and returns it with its key masked, up to the first line break after the start of the key.
    pub fn process_input(&mut self, text: Units) -> Units {
        let shown = masked(&text, key_while_typing);
        self.actual = text;
        shown
    }

    /// Returns the text that was processed last; empty when there was none.
    pub fn actual_value(&self) -> &[u16] {
        &self.actual
    }

    /// Returns whether the text that was processed last may hold a key.
    pub fn is_in_secure_mode(&self) -> bool {
        Self::should_use_secure_mode(&self.actual)
    }

    /// Forgets the text.
    pub fn reset(&mut self) {
        self.actual = Units::default();
    }

    /// Returns the command with its key masked to the end, line breaks included.
    pub fn sanitize_for_history(command: &[u16]) -> Units {
        masked(command, key_for_history)
    }
}

/// Returns whether a line may hold a key.
pub fn is_secure(text: &str) -> bool {
    matches!(split_word(text).0, "/key" | "/keyfile" | "/toolkey")
}

/// Returns the range of a key that is being typed: from its start to the first line break, without trailing white space.
/// `None` when there is no key.
pub fn key_while_typing(text: &str) -> Option<Range<usize>> {
    let start = key_start(text)?;
    let line = text[start..].split(['\r', '\n']).next().unwrap_or_default();
    Some(start..start + trim(line).len())
}

/// Returns the range of the key in a command for the history: from its start to the end, without trailing white space.
/// `None` when there is no key.
pub fn key_for_history(text: &str) -> Option<Range<usize>> {
    if !is_secure(text) {
        return None;
    }
    // Several commands may have been pasted at once. Look at a later line when the lines before it hold no key.
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

/// Returns where the key starts: the first character of a raw key, or of the text after the name or tool. `None` when the
/// line holds no key.
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

/// Replaces the range that `key` finds by its mask.
fn masked(text: &[u16], key: fn(&str) -> Option<Range<usize>>) -> Units {
    let readable = lossy(text);
    let Some(key) = key(&readable) else {
        return Units::new(text.to_vec());
    };
    // An unpaired surrogate becomes U+FFFD, which is also one unit, so positions in both texts are equal.
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

/// Converts to UTF-8. The buffer has its full capacity from the start, so that no copy is left behind.
fn lossy(text: &[u16]) -> Zeroizing<String> {
    let mut readable = Zeroizing::new(String::with_capacity(text.len() * 3));
    let characters = char::decode_utf16(text.iter().copied());
    readable.extend(characters.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    readable
}

#[cfg(test)]
mod tests;
