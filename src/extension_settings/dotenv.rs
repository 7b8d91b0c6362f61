//! Reads and changes `.env` files, in the dialect of Node programs. A value that is written is read back unchanged.
//!
//! No crate supports this: `dotenvy`, the best maintained one, expands `$NAME`, rejects a file with one unknown line, and does
//! not write. All other lines must stay unchanged, so the parser must know where each line begins and ends.
//!
//! The dialect: `NAME=value` or `NAME: value`, after an optional `export`. The last assignment of a name counts. An unquoted
//! value ends at the end of the line or before white space and `#`, and is trimmed. Text in `'…'` and `` `…` `` is literal and
//! may span lines; in `"…"`, `\n`, `\r`, `\"` and `\\` are escapes. A quote counts only if the line, or a comment, ends after
//! the closing one. `$` has no meaning. Every other line is ignored.

use std::collections::BTreeMap;

use crate::secret::{Secret, SecretBuilder};

/// The new values by name; `None` removes the assignments of a name.
pub type Changes = BTreeMap<String, Option<Secret>>;

/// Returns the values of a file, the last one of each name.
pub fn values(text: &str) -> BTreeMap<&str, Secret> {
    let assignments = pieces(text).into_iter().filter_map(|piece| piece.assignment);
    assignments
        .map(|assignment| (assignment.name, assignment.value))
        .collect()
}

/// Returns the text after the changes. Other lines stay unchanged, changed assignments stay in place, new ones are appended.
///
/// Returns `None` when the new text would have other values than intended, because an existing line opens a quote that a new
/// line would close.
pub fn change(text: &str, changes: &Changes) -> Option<Secret> {
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut new = SecretBuilder::default();
    let mut todo: Vec<(&str, &Secret)> = changes
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_ref()?)))
        .collect();
    for piece in pieces(text) {
        let Some((assignment, value)) = piece
            .assignment
            .as_ref()
            .and_then(|assignment| Some((assignment, changes.get(assignment.name)?)))
        else {
            new.push_str(piece.text);
            continue;
        };
        // The first assignment of a name gets the value. Further assignments of the name are removed.
        let Some(at) = todo.iter().position(|(name, _)| *name == assignment.name) else {
            continue;
        };
        let (name, wanted) = todo.remove(at);
        if value.as_ref() == Some(&assignment.value) {
            new.push_str(piece.text);
        } else {
            new.push_str(&piece.text[..assignment.name_at]);
            push_line(&mut new, name, wanted, line_end);
        }
    }
    for (name, value) in todo {
        if !new.expose().is_empty() && !new.expose().ends_with(['\n', '\r', '\u{feff}']) {
            new.push_str(line_end);
        }
        push_line(&mut new, name, value, line_end);
    }
    let new = new.finish();
    is_as_intended(text, &new, changes).then_some(new)
}

/// Returns whether the new text has every changed value and leaves every other value unchanged.
fn is_as_intended(old: &str, new: &Secret, changes: &Changes) -> bool {
    let mut wanted = values(old);
    for (name, value) in changes {
        match value {
            Some(value) => wanted.insert(name, value.clone()),
            None => wanted.remove(name.as_str()),
        };
    }
    values(new.expose()) == wanted
}

/// Appends an assignment, quoted so that most parsers of such files read the same value.
fn push_line(text: &mut SecretBuilder, name: &str, value: &Secret, line_end: &str) {
    let value = value.expose();
    text.push_str(name);
    text.push('=');
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,=-".contains(c);
    // A carriage return would be read as a line end, and a backslash before the quote as an escape.
    let fits_in = |quote: char| !value.contains([quote, '\r']) && !value.ends_with('\\');
    if !value.is_empty() && value.chars().all(plain) {
        text.push_str(value);
    } else if !value.contains(['"', '\\', '$', '\n', '\r']) {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else if let Some(quote) = ['\'', '`'].into_iter().find(|quote| fits_in(*quote)) {
        text.push(quote);
        text.push_str(value);
        text.push(quote);
    } else {
        text.push('"');
        for c in value.chars() {
            match c {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '"' | '\\' => {
                    text.push('\\');
                    text.push(c);
                }
                c => text.push(c),
            }
        }
        text.push('"');
    }
    text.push_str(line_end);
}

/// A part of a file: an assignment up to the end of its last line, or one other line. The pieces together are the file.
struct Piece<'a> {
    text: &'a str,
    assignment: Option<Assignment<'a>>,
}

struct Assignment<'a> {
    name: &'a str,
    /// Position of the name in the piece.
    name_at: usize,
    value: Secret,
}

fn pieces(mut text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let (piece, length) = match assignment(text) {
            Some((assignment, length)) => (Some(assignment), length),
            None => (None, line_length(text)),
        };
        pieces.push(Piece {
            text: &text[..length],
            assignment: piece,
        });
        text = &text[length..];
    }
    pieces
}

/// Returns the assignment at the start of a text, and its length including the line end.
fn assignment(text: &str) -> Option<(Assignment<'_>, usize)> {
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start_matches(BLANK);
    let rest = match rest.strip_prefix("export") {
        Some(after) if after.starts_with(BLANK) => after.trim_start_matches(BLANK),
        _ => rest,
    };
    let name_at = text.len() - rest.len();
    let after_name = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let name = &rest[..rest.len() - after_name.len()];
    let after_blank = after_name.trim_start_matches(BLANK);
    let after_sign = match after_blank.strip_prefix('=') {
        Some(after) => after,
        None => after_name.strip_prefix(':').filter(|after| after.starts_with(BLANK))?,
    };
    if name.is_empty() {
        return None;
    }
    let written = after_sign.trim_start_matches(BLANK);
    let value_at = text.len() - written.len();
    let (value, length) = match quoted(written) {
        Some((value, length)) => (value, value_at + length),
        None => {
            let length = text.len() - after_sign.len();
            (unquoted(after_sign), length + line_length(after_sign))
        }
    };
    Some((Assignment { name, name_at, value }, length))
}

/// White space within a line.
const BLANK: [char; 4] = [' ', '\t', '\u{b}', '\u{c}'];

/// Returns the quoted value at the start of a text, and the length up to the end of its last line. `None` when there is no
/// quote, or one that does not end where a value may end.
fn quoted(text: &str) -> Option<(Secret, usize)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let escapes = quote == '"';
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        let after = &text[at + c.len_utf8()..];
        if c == quote && !(escapes && escaped) && ends_value(after) {
            let value = &text[1..at];
            let value = if escapes { unescape(value) } else { verbatim(value) };
            return Some((Secret::new(value), at + 1 + line_length(after)));
        }
        if c == quote && !escaped {
            return None;
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// Returns whether nothing but a comment follows on the line.
fn ends_value(after: &str) -> bool {
    matches!(
        after.trim_start_matches(BLANK).chars().next(),
        None | Some('#' | '\n' | '\r')
    )
}

/// Returns an unquoted value. A comment begins only after white space: `#` in a colour or a URL is part of the value.
fn unquoted(line: &str) -> Secret {
    let line = &line[..line_length(line)];
    let comment = line
        .char_indices()
        .find(|(at, c)| *c == '#' && line[..*at].ends_with(BLANK))
        .map_or(line.len(), |(at, _)| at);
    let value = line[..comment].trim();
    // `quoted` takes a `"` after a backslash for an escaped one. If no other quote closes the value, it is the closing one.
    let bare = ['"', '\'', '`']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Secret::from(bare.unwrap_or(value))
}

/// Converts line ends to `\n`.
fn verbatim(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                value.push('\n');
            }
            c => value.push(c),
        }
    }
    value
}

/// Replaces the escapes, and converts line ends to `\n`.
fn unescape(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('n')) => value.push('\n'),
            ('\\', Some('r')) => value.push('\r'),
            ('\\', Some(&next @ ('"' | '\\'))) => value.push(next),
            ('\r', next) => {
                value.push('\n');
                if next != Some(&'\n') {
                    continue;
                }
            }
            (c, _) => {
                value.push(c);
                continue;
            }
        }
        chars.next();
    }
    value
}

/// Returns the length of the first line, including its end.
fn line_length(text: &str) -> usize {
    match text.find(['\n', '\r']) {
        None => text.len(),
        Some(at) if text[at..].starts_with("\r\n") => at + 2,
        Some(at) => at + 1,
    }
}

#[cfg(test)]
mod tests;
