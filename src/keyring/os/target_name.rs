//! Whose a credential of Windows is: what its target name, and the user name beside it, say together.

/// The account of a credential, if it belongs to this service.
///
/// A target name is `<account>.<service>`, and either may have dots of its own. The user name, which the keyring family
/// makes the account's, tells where the one ends: `x.a.b` with the user `x` is the service `a.b`'s alone. One that says
/// nothing of the kind (users may edit it) decides nothing.
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
    fn r3_7_a_target_name_with_dots_belongs_to_the_service_its_user_name_leaves() {
        let account = |target, user, service| account_of(target, user, service);
        assert_eq!(account("key.svc", Some("key"), "svc").as_deref(), Some("key"));
        assert_eq!(account("x.a.b", Some("x"), "a.b").as_deref(), Some("x"));
        assert_eq!(account("x.a.b", Some("x"), "b"), None, "another service's");
        assert_eq!(account("x.a.b", Some("x.a"), "b").as_deref(), Some("x.a"));
        assert_eq!(account("x.a.b", Some("x.a"), "a.b"), None);
    }

    #[test]
    fn r3_7_a_user_name_that_says_nothing_of_the_kind_decides_nothing() {
        for user in [None, Some(""), Some("somebody"), Some("key.svc")] {
            assert_eq!(account_of("key.svc", user, "svc").as_deref(), Some("key"), "{user:?}");
        }
    }

    #[test]
    fn r3_7_a_target_name_without_the_service_is_nobodys() {
        for target in ["svc", "keysvc", "key.svc2", ""] {
            assert_eq!(account_of(target, Some("key"), "svc"), None, "{target}");
        }
    }
}
