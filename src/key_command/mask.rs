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

#[cfg(test)]
mod tests {
    use super::*;

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
