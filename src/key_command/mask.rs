//! What of a key may be shown.

/// How many characters a key may have and still be hidden altogether.
const HIDDEN_UP_TO: usize = 8;

/// How many characters stay visible at each end of a longer key.
const VISIBLE_ENDS: usize = 2;

/// The key with `*` for its characters: all of up to 8, else all but the first two and the last two.
/// Characters are Unicode scalar values, not bytes.
pub fn mask_for_display(key: &str) -> String {
    let count = key.chars().count();
    if count <= HIDDEN_UP_TO {
        return "*".repeat(count);
    }
    let hidden = VISIBLE_ENDS..count - VISIBLE_ENDS;
    key.chars()
        .enumerate()
        .map(|(at, c)| if hidden.contains(&at) { '*' } else { c })
        .collect()
}

/// What stands for a key where nobody knows, or may show, any of it.
pub const PLACEHOLDER: &str = "***";

/// Whether a text can only be what was shown in a key's place, [`PLACEHOLDER`] or a mask, as somebody copies it from a
/// screen or runs it again from the history. A `*` or two may be anybody's key.
pub fn is_mask(text: &str) -> bool {
    text.len() >= PLACEHOLDER.len() && text.contains('*') && mask_for_display(text) == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r13_a_mask_is_told_from_a_key() {
        for key in ["sk-12345", "sk-123456789"] {
            assert!(!is_mask(key), "{key}");
            assert!(is_mask(&mask_for_display(key)), "{key}");
        }
        assert!(is_mask(PLACEHOLDER));
        for key in ["", "*", "**", "sk", "a*b*c*d*e*f*g", "sk-12345*"] {
            assert!(!is_mask(key), "{key}");
        }
    }

    #[test]
    fn r12_up_to_eight_characters_are_hidden_and_of_more_only_the_ends_show() {
        for (key, masked) in [
            ("", ""),
            ("a", "*"),
            ("12345678", "********"),
            ("123456789", "12*****89"),
            ("sk-ant-api03", "sk********03"),
            ("🔑🔑34567🔒🔒", "🔑🔑*****🔒🔒"),
            ("ääääääää", "********"),
        ] {
            assert_eq!(mask_for_display(key), masked, "{key}");
        }
    }
}
