//! Completes `/key` commands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::parse::{Subcommand, split_word};
use crate::provider_keys::{KeyStorage, validate_name};
use crate::text::is_white_space;

/// How long a listing is cached, so that typing does not list the keyring at every keystroke.
const CACHE_TTL: Duration = Duration::from_secs(5);

/// A completion of the word under the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The whole word.
    pub value: String,
    /// What a subcommand does; `None` for names.
    pub description: Option<&'static str>,
}

/// The names of the saved keys, for completion. Clones share one listing, which is cached for 5 seconds. Concurrent calls
/// wait for the same listing. A failed listing is not cached.
#[derive(Clone, Default)]
pub struct SavedNames {
    latest: Arc<Mutex<Arc<NameListing>>>,
}

/// One listing: in progress while the cell is empty, then the names and their time, or `None` if it failed.
type NameListing = OnceCell<Option<(Instant, Vec<String>)>>;

/// Completes the word under the cursor, given the text after `/key` up to the cursor. White space at its end means that
/// the next word begins. Returns nothing when nothing matches, and when the names cannot be listed.
pub async fn complete(args: &str, keys: &dyn KeyStorage, names: &SavedNames) -> Vec<Suggestion> {
    let (first, rest) = split_word(args);
    if rest.is_empty() {
        return subcommands(first);
    }
    let takes_name = Subcommand::parse(first).is_some_and(Subcommand::takes_name);
    let (partial, rest) = split_word(rest);
    if !takes_name || rest.starts_with(is_white_space) {
        return Vec::new();
    }
    let saved = names.get(keys).await;
    let matching = saved.into_iter().filter(|name| name.starts_with(partial));
    matching
        .map(|value| Suggestion {
            value,
            description: None,
        })
        .collect()
}

impl SavedNames {
    /// Drops the cached listing. The next call lists again, even if a listing is in progress, because that may have missed the
    /// latest change.
    pub fn forget(&self) {
        *self.latest() = Arc::default();
    }

    /// Returns the valid names among the saved ones, sorted; empty when they cannot be listed.
    async fn get(&self, keys: &dyn KeyStorage) -> Vec<String> {
        let listing = self.current();
        let outcome = listing.get_or_init(|| async {
            let mut names = keys.list().await.ok()?;
            // Other programs may have saved entries whose names no command accepts.
            names.retain(|name| validate_name(name).is_ok());
            Some((Instant::now(), names))
        });
        match outcome.await {
            Some((_, names)) => names.clone(),
            None => Vec::new(),
        }
    }

    /// Returns the latest listing, or a new one if that has expired or failed.
    fn current(&self) -> Arc<NameListing> {
        let mut latest = self.latest();
        let is_expired = match latest.get() {
            None => false,
            Some(None) => true,
            Some(Some((when, _))) => when.elapsed() >= CACHE_TTL,
        };
        if is_expired {
            *latest = Arc::default();
        }
        latest.clone()
    }

    fn latest(&self) -> MutexGuard<'_, Arc<NameListing>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn subcommands(partial: &str) -> Vec<Suggestion> {
    Subcommand::ALL
        .into_iter()
        .filter(|subcommand| subcommand.word().starts_with(partial))
        .map(|subcommand| Suggestion {
            value: subcommand.word().to_owned(),
            description: Some(subcommand.description()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, fixture};
    use super::*;
    use crate::error::Code;
    use crate::keyring::memory::FaultMode;

    async fn values(fixture: &Fixture, args: &str) -> Vec<String> {
        let offered = fixture.command.complete(args).await;
        offered.into_iter().map(|suggestion| suggestion.value).collect()
    }

    fn listings(fixture: &Fixture) -> usize {
        fixture
            .keyring
            .take_calls()
            .iter()
            .filter(|call| **call == "accounts")
            .count()
    }

    fn saved(names: &[&str]) -> Fixture {
        let fixture = fixture();
        for name in names {
            fixture.plant(name, "sk-1");
        }
        fixture
    }

    #[tokio::test(start_paused = true)]
    async fn r19_the_first_word_completes_the_subcommands_without_asking_the_keyring() {
        let fixture = saved(&["save"]);
        let table: [(&str, &[&str]); 9] = [
            ("", &["save", "load", "show", "list", "delete"]),
            (" \t", &["save", "load", "show", "list", "delete"]),
            ("s", &["save", "show"]),
            ("\tl", &["load", "list"]),
            ("delete", &["delete"]),
            ("L", &[]),
            ("sk-ant", &[]),
            ("sk-ant ", &[]),
            ("saved w", &[]),
        ];
        for (args, offered) in table {
            assert_eq!(values(&fixture, args).await, offered, "{args:?}");
        }
        assert_eq!(fixture.keyring.take_calls(), [""; 0]);
        let described = fixture.command.complete("li").await;
        assert_eq!(described[0].description, Some("List all saved keys, masked"));
    }

    #[tokio::test(start_paused = true)]
    async fn r19_the_second_word_completes_saved_names_for_commands_that_take_a_name() {
        let fixture = saved(&["work", "Work", "home.1"]);
        let table: [(&str, &[&str]); 12] = [
            ("load ", &["Work", "home.1", "work"]),
            ("show\t", &["Work", "home.1", "work"]),
            ("delete  w", &["work"]),
            ("save h", &["home.1"]),
            (" load W", &["Work"]),
            ("load work", &["work"]),
            ("load x", &[]),
            ("load work ", &[]),
            ("save work sk-", &[]),
            ("list ", &[]),
            ("LOAD ", &[]),
            ("load\u{feff}home", &["home.1"]),
        ];
        for (args, offered) in table {
            assert_eq!(values(&fixture, args).await, offered, "{args:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn r19_invalid_names_are_not_offered() {
        let fixture = saved(&["work", "two words", "ключ"]);
        assert_eq!(values(&fixture, "load ").await, ["work"]);
    }

    #[tokio::test(start_paused = true)]
    async fn r19_any_failure_is_an_empty_list_and_is_not_cached() {
        let fixture = saved(&["work"]);
        fixture.spoil_files();
        for mode in [FaultMode::Absent, FaultMode::Hangs, FaultMode::Fails(Code::Locked)] {
            fixture.keyring.set_mode(mode);
            assert_eq!(values(&fixture, "load ").await, [""; 0], "{mode:?}");
        }
        fixture.keyring.set_mode(FaultMode::Works);
        assert_eq!(values(&fixture, "load ").await, ["work"]);
    }

    #[tokio::test(start_paused = true)]
    async fn r19_the_listing_is_cached_for_5_seconds() {
        let fixture = saved(&["work"]);
        assert_eq!(values(&fixture, "load ").await, ["work"]);
        fixture.plant("late", "sk-2");
        tokio::time::advance(Duration::from_millis(4_999)).await;
        assert_eq!(values(&fixture, "show ").await, ["work"]);
        assert_eq!(listings(&fixture), 1);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(values(&fixture, "show ").await, ["late", "work"]);
        assert_eq!(listings(&fixture), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn r19_save_and_delete_drop_the_listing() {
        let fixture = saved(&["work"]);
        assert_eq!(values(&fixture, "load ").await, ["work"]);
        fixture.confirmed("save home sk-2").await;
        assert_eq!(values(&fixture, "load ").await, ["home", "work"]);
        fixture.confirmed("delete work").await;
        assert_eq!(values(&fixture, "load ").await, ["home"]);
    }

    #[tokio::test(start_paused = true)]
    async fn r19_calls_at_the_same_time_share_one_listing_also_when_it_fails() {
        let fixture = saved(&["work"]);
        for (mode, offered) in [(FaultMode::Works, vec!["work".to_owned()]), (FaultMode::Hangs, vec![])] {
            fixture.keyring.set_mode(mode);
            if mode == FaultMode::Hangs {
                fixture.spoil_files();
                fixture.names.forget();
            }
            let calls: Vec<_> = (0..20)
                .map(|_| {
                    let command = fixture.command.clone();
                    tokio::spawn(async move { command.complete("load ").await })
                })
                .collect();
            for call in calls {
                let values: Vec<_> = call.await.unwrap().into_iter().map(|found| found.value).collect();
                assert_eq!(values, offered);
            }
            assert_eq!(listings(&fixture), 1, "{mode:?}");
        }
    }
}
