//! Finds the account of a Windows credential by its target name and its user name.

/// Returns the account of a credential if it belongs to this service.
///
/// A target name is `<account>.<service>`, and both parts may contain dots. The keyring family stores the account as the user
/// name, which shows where the account ends: `x.a.b` with the user `x` belongs to the service `a.b` only. A user name that
/// does not match the target (users may edit it) is ignored.
pub(super) fn account_of(target: &str, user: Option<&str>, service: &str) -> Option<String> {
    let account = target.strip_suffix(service)?.strip_suffix('.')?;
    let named = user
        .filter(|user| !user.is_empty())
        .and_then(|user| target.strip_prefix(user)?.strip_prefix('.'));
    match named {
        Some(other) if other != service => None,
        _ => Some(account.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::account_of;

    #[test]
    fn r3_7_the_user_name_decides_where_the_account_in_a_target_name_ends() {
        let account = |target, user, service| account_of(target, user, service);
        assert_eq!(account("key.svc", Some("key"), "svc").as_deref(), Some("key"));
        assert_eq!(account("x.a.b", Some("x"), "a.b").as_deref(), Some("x"));
        assert_eq!(account("x.a.b", Some("x"), "b"), None, "another service's");
        assert_eq!(account("x.a.b", Some("x.a"), "b").as_deref(), Some("x.a"));
        assert_eq!(account("x.a.b", Some("x.a"), "a.b"), None);
    }

    #[test]
    fn r3_7_a_user_name_that_does_not_match_the_target_is_ignored() {
        for user in [None, Some(""), Some("somebody"), Some("key.svc")] {
            assert_eq!(account_of("key.svc", user, "svc").as_deref(), Some("key"), "{user:?}");
        }
    }

    #[test]
    fn r3_7_a_target_name_without_the_service_has_no_account() {
        for target in ["svc", "keysvc", "key.svc2", ""] {
            assert_eq!(account_of(target, Some("key"), "svc"), None, "{target}");
        }
    }
}
