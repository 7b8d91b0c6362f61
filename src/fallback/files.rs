//! Finds, reads, writes and removes the files of one directory. All functions block; [`super::FallbackDir`] runs them on its
//! executor.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::envelope::{self, Envelope, Fault, FileContent, MAX_TOMBSTONE_LEN, SALT_LEN, Version};
use super::file_name::{self, decode, plain_name};
use super::file_state::{DirectoryListing, FileRevision, FileState};
use super::keyring_kind::KeyringKind;
use crate::error::{Code, Error, Result};
use crate::fs::atomic;
use crate::fs::io_error::io_error;
use crate::fs::read::{Contents, known_existence, read, read_as_is};
use crate::secret::Secret;

/// Maximum number of files that are searched for a salt to reuse before a new one is generated.
const SALT_CANDIDATES: usize = 16;

/// A directory of encrypted files.
pub struct Files {
    pub dir: PathBuf,
}

/// The file that a write replaces, with the names that it may have now.
pub struct WriteTarget {
    names: Vec<String>,
    path: PathBuf,
}

impl WriteTarget {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A file with a well-formed envelope, not yet decrypted.
pub struct EncryptedFile {
    pub path: PathBuf,
    pub envelope: Envelope,
    pub newer_than: Option<KeyringKind>,
}

impl Files {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Reads the key's file, under either of its names; `None` when there is none, and when it is a tombstone.
    pub fn find(&self, key: &str) -> Result<Option<EncryptedFile>> {
        Ok(match self.content(key)? {
            Some((path, FileContent::Value { envelope, newer_than })) => Some(EncryptedFile {
                path,
                envelope,
                newer_than,
            }),
            Some((_, FileContent::Deleted { .. })) | None => None,
        })
    }

    /// Reads the envelope at any path; `None` when there is no file, when its content is not a JSON object, and when it is a
    /// tombstone.
    pub fn find_at(path: &Path) -> Result<Option<EncryptedFile>> {
        if !is_json(path)? {
            return Ok(None);
        }
        Ok(match read_content(path)? {
            Some(FileContent::Value { envelope, newer_than }) => Some(EncryptedFile {
                path: path.to_owned(),
                envelope,
                newer_than,
            }),
            Some(FileContent::Deleted { .. }) | None => None,
        })
    }

    /// Removes the file at any path if its content is a JSON object. Returns whether it was removed.
    pub fn remove_at(path: &Path) -> Result<bool> {
        let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Ok(false);
        };
        if !is_json(path)? {
            return Ok(false);
        }
        atomic::remove(dir, &[name.to_owned()]).map_err(|error| io_error("remove", path, &error))
    }

    /// Returns the state of the key's file, without decrypting it.
    pub fn state(&self, key: &str) -> Result<FileState> {
        Ok(match self.content(key)? {
            Some((_, FileContent::Value { newer_than, .. })) => FileState::Value { newer_than },
            Some((_, FileContent::Deleted { newer_than })) => FileState::Deleted { newer_than },
            None => FileState::Absent,
        })
    }

    /// Returns whether the system knows, without waiting for a disk, that there is no file.
    pub fn is_known_absent(&self, key: &str) -> bool {
        let is_known_absent = |name: &String| known_existence(&self.dir.join(name)) == Some(false);
        names(key).is_ok_and(|names| names.iter().all(is_known_absent))
    }

    /// Checks that a value may be written in this version, and creates the directory.
    ///
    /// # Errors
    ///
    /// `CORRUPT` when the key's file name or the value is too long; `UNAVAILABLE` when version 1 would replace version 2;
    /// `DENIED` or `UNAVAILABLE` when the directory cannot be created.
    pub fn prepare_write(&self, key: &str, value: &Secret, version: Version) -> Result<WriteTarget> {
        let names = names(key)?;
        if !envelope::fits(value.expose().len()) {
            return Err(Error::new(Code::Corrupt, "The value is too large: the limit is 48 MiB")
                .with_remediation("Save a shorter value"));
        }
        self.refuse_downgrade(&names, version)?;
        self.target(names)
    }

    /// Writes an envelope atomically.
    pub fn write(&self, target: &WriteTarget, envelope: &Envelope, newer_than: Option<KeyringKind>) -> Result<()> {
        self.replace(target, &envelope::print(envelope, newer_than))
    }

    /// Writes a tombstone atomically in place of the key's file.
    pub fn write_tombstone(&self, key: &str, newer_than: KeyringKind) -> Result<()> {
        let target = self.target(names(key)?)?;
        self.replace(&target, &envelope::print_tombstone(newer_than))
    }

    /// Removes the file under both names; `false` when there was none, or only a tombstone.
    pub fn remove(&self, key: &str) -> Result<bool> {
        // A file that cannot be read counts as a value: something was there.
        let had_value = !matches!(self.state(key), Ok(FileState::Absent | FileState::Deleted { .. }));
        Ok(self.remove_names(&names(key)?)? && had_value)
    }

    /// Removes the file if it still has this revision.
    pub fn remove_if_unchanged(&self, key: &str, revision: &FileRevision) -> Result<bool> {
        match self.find(key)? {
            Some(file) if FileRevision::of(&file.envelope, file.newer_than) == *revision => {
                self.remove_names(&names(key)?)
            }
            _ => Ok(false),
        }
    }

    /// Lists the keys of the regular files (also those behind a symbolic link), sorted.
    pub fn list(&self) -> Result<DirectoryListing> {
        let failed = |error: io::Error| io_error("list", &self.dir, &error);
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(DirectoryListing::default()),
            Err(error) => return Err(failed(error)),
        };
        atomic::tighten_dir(&self.dir);
        let mut listing = DirectoryListing::default();
        let mut small = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Some(key) = entry.file_name().to_str().and_then(decode) else {
                continue;
            };
            match file_name::is_key(&key).then(|| regular_len(&entry)).flatten() {
                None => {}
                Some(len) if len <= MAX_TOMBSTONE_LEN as u64 => small.push(key),
                Some(_) => listing.keys.push(key),
            }
        }
        // Tombstones are recognized by their content, but only files that are small enough to be one are read.
        for key in small {
            match self.state(&key) {
                Ok(FileState::Absent) => {}
                Ok(FileState::Deleted { newer_than }) => listing.deleted.push((key, newer_than)),
                Ok(FileState::Value { .. }) | Err(_) => listing.keys.push(key),
            }
        }
        listing.deleted.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        listing.deleted.dedup();
        if !listing.deleted.is_empty() {
            let deleted: HashSet<&String> = listing.deleted.iter().map(|(key, _)| key).collect();
            listing.keys.retain(|key| !deleted.contains(key));
        }
        listing.keys.sort_unstable();
        listing.keys.dedup();
        Ok(listing)
    }

    /// Returns the salt of a well-formed file of this version. Whether the file can be decrypted does not matter: a salt is not
    /// secret, and any salt is suitable.
    pub fn any_salt(&self, version: Version) -> Option<[u8; SALT_LEN]> {
        let names = fs::read_dir(&self.dir).ok()?.flatten();
        let keys = names.filter_map(|entry| decode(entry.file_name().to_str()?));
        keys.take(SALT_CANDIDATES)
            .filter_map(|key| Some(self.find(&key).ok()??.envelope))
            .find(|envelope| envelope.version == version)
            .map(|envelope| envelope.salt)
    }

    fn content(&self, key: &str) -> Result<Option<(PathBuf, FileContent)>> {
        atomic::tighten_dir(&self.dir);
        for name in names(key)? {
            let path = self.dir.join(name);
            if let Some(content) = read_content(&path)? {
                return Ok(Some((path, content)));
            }
        }
        Ok(None)
    }

    fn target(&self, names: Vec<String>) -> Result<WriteTarget> {
        let path = self.dir.join(&names[0]);
        atomic::ensure_dir(&self.dir).map_err(|error| io_error("write", &path, &error))?;
        Ok(WriteTarget { names, path })
    }

    fn replace(&self, target: &WriteTarget, bytes: &[u8]) -> Result<()> {
        let failed = |error: io::Error| io_error("write", &target.path, &error);
        atomic::replace(&self.dir, &target.names[0], bytes).map_err(failed)?;
        // Otherwise an old value under the plain name would reappear once the new file is removed.
        atomic::remove(&self.dir, &target.names[1..]).map_err(failed)?;
        Ok(())
    }

    /// Removes the files with these names, the plain name first. If the process dies in between, the current file is left, not
    /// the older value under the plain name.
    fn remove_names(&self, names: &[String]) -> Result<bool> {
        let plain_first: Vec<String> = names.iter().rev().cloned().collect();
        atomic::remove(&self.dir, &plain_first).map_err(|error| io_error("remove", &self.dir.join(&names[0]), &error))
    }

    /// Fails if one of these files is, or may be, of version 2 and would be replaced by one of version 1.
    fn refuse_downgrade(&self, names: &[String], version: Version) -> Result<()> {
        if version == Version::V2 {
            return Ok(());
        }
        for name in names {
            let path = self.dir.join(name);
            let what = match read_content(&path) {
                Ok(Some(FileContent::Value { envelope, .. })) if envelope.version == Version::V2 => {
                    format!("{} is sealed with a machine secret (version 2)", path.display())
                }
                // A malformed file holds no value that could be lost.
                Ok(_) => continue,
                Err(error) if error.code() == Code::Corrupt => continue,
                Err(error) => format!("{error}. The file may be sealed with a machine secret (version 2)"),
            };
            return Err(Error::new(
                Code::Unavailable,
                format!("{what} and is not replaced by a file without it (version 1)"),
            )
            .with_remediation("Configure the machine secret, or delete the key first"));
        }
        Ok(())
    }
}

/// Returns the names that a key's file may have: the current one, then the plain one of older programs if it differs.
fn names(key: &str) -> Result<Vec<String>> {
    let mut names = vec![file_name::file_name(key)?];
    names.extend(plain_name(key));
    Ok(names)
}

/// Returns whether the content of a file starts like a JSON object; `false` for a missing file. A file that is too large to be
/// read counts as one, so that it is reported instead of being passed over.
fn is_json(path: &Path) -> Result<bool> {
    match read_as_is(path, envelope::MAX_LEN).map_err(|error| io_error("read", path, &error))? {
        Contents::Absent => Ok(false),
        Contents::TooLarge => Ok(true),
        Contents::Bytes(bytes) => Ok(bytes.trim_ascii_start().starts_with(b"{")),
    }
}

/// Returns the content of a file; `None` when there is no file.
fn read_content(path: &Path) -> Result<Option<FileContent>> {
    let parsed = match read(path, envelope::MAX_LEN).map_err(|error| io_error("read", path, &error))? {
        Contents::Absent => return Ok(None),
        Contents::TooLarge => Err(Fault::TOO_LARGE),
        Contents::Bytes(bytes) => envelope::parse(&bytes),
    };
    parsed.map(Some).map_err(|fault| refusal(path, fault))
}

/// Returns the length of a regular file, also of one behind a symbolic link; `None` for anything else.
pub fn regular_len(entry: &fs::DirEntry) -> Option<u64> {
    let metadata = match entry.file_type() {
        Ok(kind) if kind.is_symlink() => fs::metadata(entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata(),
        _ => return None,
    };
    metadata
        .ok()
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len())
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
