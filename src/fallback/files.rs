//! The files of one directory, blocking: find, check, open, seal. [`super::FallbackDir`] calls this from its threads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::cipher::{self, Password};
use super::envelope::{self, Envelope, Fault, SALT_LEN, Version};
use super::file_name::{self, decode, plain_name};
use super::{Mark, Stored};
use crate::error::{Code, Error, Result};
use crate::fs::atomic;
use crate::fs::io_error::io_error;
use crate::fs::lock::KeyLock;
use crate::fs::read::{Contents, is_known_absent, read};
use crate::random::random_bytes;
use crate::secret::Secret;

/// How many files are looked at for a salt to take over, before a new one is made.
const SALT_CANDIDATES: usize = 16;

/// A directory of encrypted files, and the salts in use there.
pub struct Files {
    pub dir: PathBuf,
    salts: Mutex<[Option<[u8; SALT_LEN]>; 2]>,
}

/// A file with a well-formed envelope, not opened yet.
pub struct Sealed {
    pub path: PathBuf,
    pub envelope: Envelope,
    pub mark: Mark,
}

impl Files {
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            salts: Mutex::default(),
        }
    }

    /// The key's file; `None` when there is none, under either of its names.
    pub fn find(&self, key: &str) -> Result<Option<Sealed>> {
        atomic::tighten_dir(&self.dir);
        for name in names(key)? {
            let path = self.dir.join(name);
            if let Some((envelope, mark)) = read_envelope(&path)? {
                return Ok(Some(Sealed { path, envelope, mark }));
            }
        }
        Ok(None)
    }

    /// Whether there is no file, as far as can be told without waiting; `false` when it cannot.
    pub fn is_known_absent(&self, key: &str) -> bool {
        names(key).is_ok_and(|names| names.iter().all(|name| is_known_absent(&self.dir.join(name))))
    }

    /// Decrypts. Once that worked, its salt is the one to write with.
    pub fn open(&self, sealed: &Sealed, password: &Password) -> Result<Stored> {
        let Sealed { path, envelope, mark } = sealed;
        let (version, salt, mark) = (envelope.version, envelope.salt, *mark);
        let value = cipher::open(envelope, password).map_err(|cipher::WrongKeyOrAltered| undecryptable(path))?;
        self.salt_of(version, |known| *known = known.or(Some(salt)));
        Ok(Stored { value, mark })
    }

    /// Seals and writes, as a whole and for good, under the key's lock if there is one. `UNAVAILABLE`, and nothing changed,
    /// when that would put version 1 in the place of version 2.
    pub fn write(
        &self,
        key: &str,
        (value, mark): (&Secret, Mark),
        (version, password): (Version, &Password),
        lock: Option<KeyLock>,
    ) -> Result<()> {
        let names = names(key)?;
        if !envelope::fits(value.expose().len()) {
            return Err(
                Error::new(Code::Corrupt, "The value is too large: 48 MiB are the limit")
                    .with_remediation("Save a shorter value"),
            );
        }
        let target = self.dir.join(&names[0]);
        let failed = |error: io::Error| io_error("write", &target, &error);
        self.refuse_downgrade(&names, version)?;
        atomic::ensure_dir(&self.dir).map_err(failed)?;
        let no_random = |error: getrandom::Error| failed(error.into());
        let salt = self.salt(version).map_err(no_random)?;
        let sealed = cipher::seal(value, version, password, salt).map_err(no_random)?;
        let (lock, _turn) = KeyLock::split(lock);
        atomic::replace(&self.dir, &names[0], &envelope::print(&sealed, mark), lock).map_err(failed)?;
        // A file under the plain name would come back to light when the one just written is removed.
        atomic::remove(&self.dir, &names[1..]).map_err(failed)?;
        Ok(())
    }

    /// Removes the file under both names; `false` when there was none.
    pub fn remove(&self, key: &str) -> Result<bool> {
        let names = names(key)?;
        atomic::remove(&self.dir, &names).map_err(|error| io_error("remove", &self.dir.join(&names[0]), &error))
    }

    /// The keys of the regular files (also those a symbolic link leads to), sorted.
    pub fn list(&self) -> Result<Vec<String>> {
        let failed = |error: io::Error| io_error("list", &self.dir, &error);
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        atomic::tighten_dir(&self.dir);
        let mut keys = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Some(key) = entry.file_name().to_str().and_then(decode) else {
                continue;
            };
            if file_name::is_key(&key) && is_regular(&entry) {
                keys.push(key);
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// The salt to write with: the one in use here, so that one derivation does for the whole directory.
    fn salt(&self, version: Version) -> std::result::Result<[u8; SALT_LEN], getrandom::Error> {
        if let Some(salt) = self.salt_of(version, |known| *known) {
            return Ok(salt);
        }
        let salt = match self.salt_in_directory(version) {
            Some(salt) => salt,
            None => random_bytes()?,
        };
        // Another thread may have been here meanwhile: the first one's salt is everyone's.
        Ok(self.salt_of(version, |known| *known.get_or_insert(salt)))
    }

    /// That of the first well-formed file, by name. No proof that it opens with our password is asked for: a salt is no
    /// secret, and any will do.
    fn salt_in_directory(&self, version: Version) -> Option<[u8; SALT_LEN]> {
        let keys = self.list().ok()?;
        let sealed = keys.iter().take(SALT_CANDIDATES).filter_map(|key| self.find(key).ok()?);
        sealed
            .map(|sealed| sealed.envelope)
            .find(|envelope| envelope.version == version)
            .map(|envelope| envelope.salt)
    }

    fn salt_of<T>(&self, version: Version, f: impl FnOnce(&mut Option<[u8; SALT_LEN]>) -> T) -> T {
        let mut salts = self.salts.lock().unwrap_or_else(PoisonError::into_inner);
        f(&mut salts[version as usize])
    }

    fn refuse_downgrade(&self, names: &[String], version: Version) -> Result<()> {
        if version == Version::V2 {
            return Ok(());
        }
        for name in names {
            let path = self.dir.join(name);
            // What cannot be read, or is malformed, may be replaced.
            let existing = read_envelope(&path).ok().flatten();
            if existing.is_some_and(|(envelope, _)| envelope.version == Version::V2) {
                return Err(Error::new(
                    Code::Unavailable,
                    format!(
                        "{} is sealed with a machine secret (version 2), and is not replaced by a file that is not",
                        path.display()
                    ),
                )
                .with_remediation("Configure the machine secret, or delete the key first"));
            }
        }
        Ok(())
    }
}

/// The names a key's file may have: today's, then the plain one of older programs if it differs.
fn names(key: &str) -> Result<Vec<String>> {
    let mut names = vec![file_name::file_name(key)?];
    names.extend(plain_name(key));
    Ok(names)
}

/// The envelope in a file; `None` when there is no file.
fn read_envelope(path: &Path) -> Result<Option<(Envelope, Mark)>> {
    let parsed = match read(path, envelope::MAX_LEN).map_err(|error| io_error("read", path, &error))? {
        Contents::Absent => return Ok(None),
        Contents::TooLarge => Err(Fault::TOO_LARGE),
        Contents::Bytes(bytes) => envelope::parse(&bytes),
    };
    parsed.map(Some).map_err(|fault| refusal(path, fault))
}

pub fn is_regular(entry: &fs::DirEntry) -> bool {
    match entry.file_type() {
        Ok(kind) if kind.is_symlink() => fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file()),
        Ok(kind) => kind.is_file(),
        Err(_) => false,
    }
}

fn refusal(path: &Path, fault: Fault) -> Error {
    let path = path.display();
    match fault {
        Fault::Version(version) => Error::new(
            Code::Corrupt,
            format!("Unrecognized envelope version: {version} in {path}"),
        )
        .with_remediation("The file was written by a newer program: upgrade this one"),
        Fault::Malformed(why) => Error::new(Code::Corrupt, format!("{path} is not a valid encrypted file: {why}")),
    }
}

fn undecryptable(path: &Path) -> Error {
    Error::new(
        Code::Corrupt,
        format!("{} cannot be decrypted: wrong key, or altered", path.display()),
    )
    .with_remediation(format!(
        "{}. The file may come from another machine or another user",
        Code::Corrupt.remediation()
    ))
}
