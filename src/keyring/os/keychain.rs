//! Keychain, on macOS: generic passwords in the user's login keychain, as the `keyring` family stores them.
//!
//! Only [`Platform::get`] reads a secret and may show the dialog "… wants to use your confidential information". All other
//! calls work with attributes and references.

use std::any::Any;
use std::ptr::null;

use security_framework::base::Error;
use security_framework::item::{ItemClass, ItemSearchOptions, Limit, Reference, SearchResult};
use security_framework::os::macos::keychain::{SecKeychain, SecPreferencesDomain};
use security_framework::os::macos::keychain_item::SecKeychainItem;
use security_framework::os::macos::passwords::find_generic_password;

use super::blocking::{self, BlockingError, Platform, Prompts};
use crate::error::Code;
use crate::keyring::errors::{ErrorKind, os_status};
use crate::secret::Secret;

pub(super) type Backend = blocking::Backend<Keychain>;

pub(super) struct Keychain;

/// The prompts of this process.
static PROMPTS: Prompts = Prompts::new();

/// `errSecDuplicateItem`: the entry was created at the same time.
const DUPLICATE_ITEM: i32 = -25299;

impl Platform for Keychain {
    const NAME: &'static str = "The macOS keychain";

    fn get(service: &str, account: &str) -> Result<Secret, BlockingError> {
        check_names(service, account)?;
        let keychains = [keychain()?];
        let (password, _) = find_generic_password(Some(&keychains), service, account).map_err(explain)?;
        Secret::from_utf8(password.to_owned()).ok_or_else(|| {
            let message = "The macOS keychain holds a value that is not text".to_owned();
            (ErrorKind::Failed(Code::Corrupt), message)
        })
    }

    fn set(service: &str, account: &str, secret: &Secret) -> Result<(), BlockingError> {
        check_names(service, account)?;
        let secret = secret.expose().as_bytes();
        if let Some(mut item) = find_item(service, account)? {
            return item.set_password(secret).map_err(explain);
        }
        match keychain()?.add_generic_password(service, account, secret) {
            Err(error) if error.code() == DUPLICATE_ITEM => match find_item(service, account)? {
                Some(mut item) => item.set_password(secret).map_err(explain),
                None => Err(explain(error)),
            },
            result => result.map_err(explain),
        }
    }

    fn delete(service: &str, account: &str) -> Result<(), BlockingError> {
        check_names(service, account)?;
        let keychains = [keychain()?];
        search(&keychains, service, Some(account)).delete().map_err(explain)
    }

    fn contains(service: &str, account: &str) -> Result<bool, BlockingError> {
        check_names(service, account)?;
        Ok(find_item(service, account)?.is_some())
    }

    fn accounts(service: &str) -> Result<Vec<String>, BlockingError> {
        let keychains = [keychain()?];
        let mut options = search(&keychains, service, None);
        options.limit(Limit::All).load_attributes(true);
        let found = or_empty(options.search())?;
        let attributes = found.iter().filter_map(SearchResult::simplify_dict);
        Ok(attributes
            .filter_map(|mut attributes| attributes.remove("acct"))
            .collect())
    }

    fn prompts() -> Option<&'static Prompts> {
        Some(&PROMPTS)
    }

    fn is_locked() -> bool {
        const UNLOCKED: u32 = 1; // kSecUnlockStateStatus
        let mut status = 0;
        // SAFETY: a null reference stands for the default keychain, and `status` outlives the call.
        #[allow(unsafe_code)] // the security-framework crate does not have this function
        let result = unsafe { SecKeychainGetStatus(null(), &mut status) };
        result == 0 && status & UNLOCKED == 0
    }

    /// Without dialogs, a call that needs one fails at once with `errSecInteractionNotAllowed`. A host that has disabled
    /// dialogs itself keeps them disabled.
    fn silence() -> Box<dyn Any> {
        match SecKeychain::user_interaction_allowed() {
            Ok(false) => Box::new(()),
            _ => Box::new(SecKeychain::disable_user_interaction()),
        }
    }
}

#[allow(unsafe_code)] // declares a function of the Security framework, which security-framework links
unsafe extern "C" {
    fn SecKeychainGetStatus(keychain: *const std::ffi::c_void, status: *mut u32) -> i32;
}

fn keychain() -> Result<SecKeychain, BlockingError> {
    SecKeychain::default_for_domain(SecPreferencesDomain::User).map_err(explain)
}

/// Describes the entries of a service, or the one entry of an account.
fn search(keychains: &[SecKeychain], service: &str, account: Option<&str>) -> ItemSearchOptions {
    let mut options = ItemSearchOptions::new();
    options
        .keychains(keychains)
        .class(ItemClass::generic_password())
        .service(service);
    if let Some(account) = account {
        options.account(account);
    }
    options
}

/// Finds an entry without reading its secret.
fn find_item(service: &str, account: &str) -> Result<Option<SecKeychainItem>, BlockingError> {
    let keychains = [keychain()?];
    let mut options = search(&keychains, service, Some(account));
    options.limit(Limit::Max(1)).load_refs(true);
    let found = or_empty(options.search())?;
    Ok(found.into_iter().find_map(|result| match result {
        SearchResult::Ref(Reference::KeychainItem(item)) => Some(item),
        _ => None,
    }))
}

fn or_empty(result: Result<Vec<SearchResult>, Error>) -> Result<Vec<SearchResult>, BlockingError> {
    match result.map_err(explain) {
        Err((ErrorKind::NotFound, _)) => Ok(Vec::new()),
        result => result,
    }
}

/// Refuses empty names: the keychain takes them for wildcards.
fn check_names(service: &str, account: &str) -> Result<(), BlockingError> {
    match service.is_empty() || account.is_empty() {
        true => {
            let message = "The macOS keychain cannot store an entry with an empty name".to_owned();
            Err((ErrorKind::Failed(Code::Corrupt), message))
        }
        false => Ok(()),
    }
}

/// Describes an error. Its number decides what it means, never its text.
fn explain(error: Error) -> BlockingError {
    let status = error.code();
    let kind = os_status(status);
    let message = match kind {
        ErrorKind::Failed(Code::Locked) => "The macOS keychain is locked, or a dialog is not allowed",
        ErrorKind::Failed(Code::Denied) => "The macOS keychain refused access, or its dialog was dismissed",
        ErrorKind::Unreachable => "The macOS keychain is not available in this session",
        _ => "The macOS keychain failed",
    };
    (kind, format!("{message} (error {status})"))
}
