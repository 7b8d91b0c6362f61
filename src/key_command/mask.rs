//! Masks keys.

/// Maximum length of a key that is masked completely, in characters.
const MAX_HIDDEN_LEN: usize = 8;

/// Number of characters that stay visible at each end of a longer key.
const VISIBLE_ENDS: usize = 2;

/// Masks a key. A key of up to 8 characters becomes as many `*`. The first two and the last two characters of a longer key stay
/// visible. Characters are Unicode scalar values, not bytes.
pub fn mask_for_display(key: &str) -> String {
    let count = key.chars().count();
    if count <= MAX_HIDDEN_LEN {
        return "*".repeat(count);
    }
    let hidden = VISIBLE_ENDS..count - VISIBLE_ENDS;
    key.chars()
        .enumerate()
        .map(|(at, c)| if hidden.contains(&at) { '*' } else { c })
        .collect()
}

/// Replaces a key that must not be shown, not even masked.
pub const PLACEHOLDER: &str = "***";

/// Returns whether a text is [`PLACEHOLDER`] or a mask, which a user may copy from the screen or rerun from the history. `false`
/// for one or two `*`, which may be a real key.
pub fn is_mask(text: &str) -> bool {
    text.len() >= PLACEHOLDER.len() && text.contains('*') && mask_for_display(text) == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r13_a_mask_is_recognized_and_a_key_is_not() {
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
    fn r12_up_to_eight_characters_are_hidden_and_only_the_ends_of_a_longer_key_are_shown() {
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
