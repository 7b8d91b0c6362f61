//! Masks the key in typed text before it is shown or stored in the history.
//!
//! Masking replaces one range of a line, the key, by its mask; the rest stays unchanged. The range follows from the grammar of
//! [`super::parse`], so that exactly the text that is used as the key is masked.

use std::ops::Range;

use zeroize::Zeroizing;

use super::mask::mask_for_display;
use super::parse::{Subcommand, split_word};
use crate::text::{is_white_space, lossy_utf8, trim};

/// A JavaScript string in UTF-16, possibly with unpaired surrogates. Wiped on drop.
pub type Units = Zeroizing<Vec<u16>>;

/// Holds the typed text while the screen shows it masked.
#[derive(Default)]
pub struct SecureInputHandler {
    actual: Units,
}

impl SecureInputHandler {
    /// Returns whether a line may hold a key: its first word is `/key`, `/keyfile` or `/toolkey`.
    pub fn should_use_secure_mode(text: &[u16]) -> bool {
        is_secure(&lossy_utf8(text))
    }

    /// Stores the text, and returns it with its key masked up to the first line break after the start of the key.
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

    /// Wipes the stored text.
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
    // Several commands may have been pasted at once. A later line is examined if the lines before it hold no key.
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

/// Returns the position at which the key starts: that of a raw key, or of the text after the name or tool. Returns `None` when
/// the line holds no key.
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

/// Returns the text with the range that `key` finds replaced by its mask.
fn masked(text: &[u16], key: fn(&str) -> Option<Range<usize>>) -> Units {
    let readable = lossy_utf8(text);
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

#[cfg(test)]
mod tests;
