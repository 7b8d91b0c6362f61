//! The machine secret, which version 2 seals with: where it is looked for, and how the first one comes to be.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::OnceCell;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::error::{Code, Error, Result};
use crate::fs::atomic;
use crate::fs::io_error::{interrupted, io_error};
use crate::fs::read::{Contents, read};

/// Length of the secret, in bytes.
pub const LEN: usize = 32;

/// The most that is read of the file: 32 bytes are 44 in base64, and an editor may have added a line end.
const MAX_FILE_LEN: usize = 1024;

/// The secret's bytes on their way. Wiped on drop.
pub type Loading<'a> = Pin<Box<dyn Future<Output = Result<Option<Zeroizing<Vec<u8>>>>> + Send + 'a>>;

/// A place that may hold the machine secret: the keyring entry, or what the caller gave as `machineSecretLoader`.
pub trait MachineSecretLoader: Send + Sync {
    /// What to call this place when the secret is missing, such as "the OS keyring".
    fn name(&self) -> &str;

    /// The 32 bytes themselves (see [`decode`] for their text form); `None` when this place has none. Asked again until it
    /// gives some, then never more.
    fn load(&self) -> Loading<'_>;
}

/// Where the machine secret is looked for, in this order: the loaders, then the file.
#[derive(Clone, Default)]
pub struct MachineSecretConfig {
    /// Asked one after the other.
    pub loaders: Vec<Arc<dyn MachineSecretLoader>>,
    /// Holds the secret in base64, mode 0600. The first write makes one if there is no secret anywhere.
    pub file: Option<PathBuf>,
    /// Whether values are sealed with the secret (version 2). Such files are read in any case.
    pub write_version_2: bool,
}

/// The secret itself.
#[derive(ZeroizeOnDrop)]
pub(super) struct MachineSecret([u8; LEN]);

impl MachineSecret {
    /// Its bytes.
    pub(super) fn expose(&self) -> &[u8; LEN] {
        &self.0
    }
}

/// The bytes of a secret in its text form, base64 with white space around it; `None` when it is not that, or not 32 bytes.
pub fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
    (bytes.len() == LEN).then_some(bytes)
}

/// The places, and what the loaders among them gave.
#[derive(Default)]
pub(super) struct Sources {
    sources: Vec<Source>,
    pub(super) write_version_2: bool,
}

pub(super) enum Source {
    Loader(Arc<dyn MachineSecretLoader>, OnceCell<Arc<MachineSecret>>),
    // Not remembered: it costs little to read, and someone may restore another one meanwhile.
    File(PathBuf),
}

impl Sources {
    pub(super) fn new(config: MachineSecretConfig) -> Self {
        let loaders = config.loaders.into_iter();
        Self {
            sources: loaders
                .map(|loader| Source::Loader(loader, OnceCell::new()))
                .chain(config.file.map(Source::File))
                .collect(),
            write_version_2: config.write_version_2,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }

    /// The secret to seal with: the first there is, else a new one in the file. A place that fails ends the search: it
    /// may hold the secret, and a second one must not come to be beside it.
    pub(super) async fn for_writing(&self) -> Result<Arc<MachineSecret>> {
        for source in &self.sources {
            if let Some(secret) = source.load().await? {
                return Ok(secret);
            }
        }
        let Some(Source::File(path)) = self.sources.last() else {
            return Err(Error::new(Code::Unavailable, "There is no machine secret to seal with")
                .with_remediation(format!("The machine secret is missing from {}", self.names())));
        };
        let path = path.clone();
        blocking(move || create(&path)).await
    }

    /// No place has a secret, and this file needs one.
    pub(super) fn missing(&self, sealed: &Path) -> Error {
        let path = sealed.display();
        let message = format!("{path} is sealed with a machine secret (version 2), and there is none");
        let remedy = match self.sources.as_slice() {
            [] => "No machine secret is configured".to_owned(),
            _ => format!("The machine secret is missing from {}: restore it", self.names()),
        };
        Error::new(Code::Corrupt, message).with_remediation(format!("{remedy}. Else: {}", Code::Corrupt.remediation()))
    }

    fn names(&self) -> String {
        let names: Vec<_> = self
            .sources
            .iter()
            .map(|source| match source {
                Source::Loader(loader, _) => loader.name().to_owned(),
                Source::File(path) => path.display().to_string(),
            })
            .collect();
        names.join(" and ")
    }
}

impl Source {
    /// The secret this place holds; `None` when it holds none. `CORRUPT` when what it holds is not 32 bytes.
    pub(super) async fn load(&self) -> Result<Option<Arc<MachineSecret>>> {
        let (loader, cell) = match self {
            Self::Loader(loader, cell) => (loader, cell),
            Self::File(path) => {
                let path = path.clone();
                return blocking(move || read_secret(&path)).await;
            }
        };
        // Of callers that come at the same time one asks. That there is none yet is not remembered.
        let loaded = cell.get_or_try_init(|| async {
            match loader.load().await {
                Ok(Some(bytes)) => secret(&bytes, loader.name()).map_err(Some),
                Ok(None) => Err(None),
                Err(error) => Err(Some(error)),
            }
        });
        match loaded.await {
            Ok(secret) => Ok(Some(secret.clone())),
            Err(None) => Ok(None),
            Err(Some(error)) => Err(error),
        }
    }
}

fn secret(bytes: &[u8], place: &str) -> Result<Arc<MachineSecret>> {
    // Filled where it stays: a move would leave a copy on the stack.
    let mut secret = Arc::new(MachineSecret([0; LEN]));
    match Arc::get_mut(&mut secret) {
        Some(MachineSecret(target)) if bytes.len() == LEN => target.copy_from_slice(bytes),
        _ => return Err(invalid(place)),
    }
    Ok(secret)
}

fn invalid(place: &str) -> Error {
    Error::new(
        Code::Corrupt,
        format!("The machine secret in {place} is not {LEN} bytes"),
    )
    .with_remediation(format!(
        "Restore the machine secret. Else: {}",
        Code::Corrupt.remediation()
    ))
}

fn read_secret(path: &Path) -> Result<Option<Arc<MachineSecret>>> {
    let place = path.display().to_string();
    match read(path, MAX_FILE_LEN).map_err(|error| io_error("read the machine secret in", path, &error))? {
        Contents::Absent => Ok(None),
        Contents::TooLarge => Err(invalid(&place)),
        Contents::Bytes(text) => {
            let bytes = std::str::from_utf8(&text).ok().and_then(decode);
            secret(&bytes.ok_or_else(|| invalid(&place))?, &place).map(Some)
        }
    }
}

/// Makes a secret, unless another process did at the same time: then that one is everyone's. Nobody reads a part of it.
fn create(path: &Path) -> Result<Arc<MachineSecret>> {
    let failed = |error| io_error("create the machine secret in", path, &error);
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(failed(std::io::ErrorKind::InvalidInput.into()));
    };
    let dir = if dir == Path::new("") { Path::new(".") } else { dir };
    // One that is there is not ours alone, as the home directory may be: its rights stay.
    if !dir.is_dir() {
        atomic::ensure_dir(dir).map_err(failed)?;
    }
    let mut bytes = Zeroizing::new([0; LEN]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| failed(error.into()))?;
    let text = Zeroizing::new(STANDARD.encode(*bytes));
    atomic::create(dir, name, text.as_bytes()).map_err(failed)?;
    // Also the one just made is read back: what is sealed with is what the next process will find.
    read_secret(path)?.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))
}

async fn blocking<T: Send + 'static>(f: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(f)
        .await
        .unwrap_or_else(|_| Err(interrupted()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_3_the_text_form_is_base64_of_32_bytes_with_white_space_around_it() {
        let text = STANDARD.encode([7; LEN]);
        assert_eq!(decode(&format!(" {text}\n")).unwrap().as_slice(), [7; LEN]);
        for wrong in [
            "",
            "!!!",
            &text[..40],
            &STANDARD.encode([7; 31]),
            &STANDARD.encode([7; 33]),
        ] {
            assert!(decode(wrong).is_none());
        }
    }
}
