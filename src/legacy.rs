//! Finds files of earlier programs that are no longer read.
//!
//! Nothing is moved or deleted. A tool's key file is only checked for whether it starts like a JSON object: then it is an
//! envelope, which `tool_keys` reads, and otherwise a file in the former format.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::fs::io_error::{interrupted, io_error};
use crate::fs::read::{Contents, read_as_is};
use crate::tool_keys;

/// The file in which earlier programs kept all MCP credentials.
const MCP_TOKENS: &str = "mcp-oauth-tokens-v2.json";

/// Maximum size of a tool's key file that is checked, in bytes. The former format is much shorter, so a larger file is not
/// legacy data.
const MAX_TOOL_KEY_LEN: usize = 1024 * 1024;

/// A file of an earlier program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyData {
    /// The path of the file.
    pub path: PathBuf,
    /// `tool-key` or `mcp-oauth-tokens`.
    pub kind: &'static str,
    /// The remedy, then the reason.
    pub message: String,
}

/// Returns the files of earlier programs in these data directories, in order, tool keys first; empty when there are none.
///
/// # Errors
///
/// `DENIED` or `UNAVAILABLE` when a directory cannot be read.
pub async fn find(directories: Vec<PathBuf>) -> Result<Vec<LegacyData>> {
    let finding = tokio::task::spawn_blocking(move || {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for directory in directories {
            if seen.insert(directory.clone()) {
                found.extend(find_in(&directory)?);
            }
        }
        Ok(found)
    });
    finding.await.unwrap_or_else(|_| Err(interrupted()))
}

fn find_in(directory: &Path) -> Result<Vec<LegacyData>> {
    let tools = directory.join(tool_keys::DIRECTORY);
    let mut found: Vec<_> = tool_keys_in(&tools)
        .map_err(|error| io_error("look for old tool keys in", &tools, &error))?
        .into_iter()
        .map(|(tool, path)| {
            let remedy = format!("Re-save your key with /toolkey set {tool} <api-key>");
            legacy(path, "tool-key", &remedy)
        })
        .collect();
    let tokens = directory.join(MCP_TOKENS);
    if exists(&tokens).map_err(|error| io_error("look for", &tokens, &error))? {
        found.push(legacy(
            tokens,
            "mcp-oauth-tokens",
            "Re-authenticate with /auth login for MCP servers",
        ));
    }
    Ok(found)
}

fn legacy(path: PathBuf, kind: &'static str, remedy: &str) -> LegacyData {
    let message = format!(
        "{remedy}. {} is in a format that is no longer read; delete it afterwards.",
        path.display()
    );
    LegacyData { path, kind, message }
}

/// Returns the key files in the former format, sorted by the name of the tool.
fn tool_keys_in(dir: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(tool) = name
            .strip_suffix(tool_keys::KEY_FILE_SUFFIX)
            .filter(|tool| !tool.is_empty())
            && !entry.file_type()?.is_dir()
            && is_former_format(&entry.path())
        {
            found.push((tool.to_owned(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Returns whether a tool's key file does not start like a JSON object, as an envelope does. A file that cannot be read counts
/// as one in the former format, so that it is reported.
fn is_former_format(path: &Path) -> bool {
    match read_as_is(path, MAX_TOOL_KEY_LEN) {
        Ok(Contents::Bytes(bytes)) => !bytes.trim_ascii_start().starts_with(b"{"),
        Ok(Contents::TooLarge) => false,
        Ok(Contents::Absent) | Err(_) => true,
    }
}

fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(!metadata.is_dir()),
        Err(error) if is_absence(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn r7c_old_files_are_found_and_envelopes_and_other_files_are_not() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(find(vec![home.path().join(".llxprt")]).await, Ok(Vec::new()));
        let tools = home.path().join(".llxprt/tools");
        fs::create_dir_all(tools.join("dir.key")).unwrap();
        for name in ["exa.key", "another.key", ".key", "exa.enc", "keyfiles.json", "key"] {
            fs::write(tools.join(name), "old").unwrap();
        }
        fs::write(tools.join("envelope.key"), "{\"v\":1}").unwrap();
        fs::write(tools.join("large.key"), "{".repeat(MAX_TOOL_KEY_LEN + 1)).unwrap();
        let tokens = home.path().join(".llxprt/mcp-oauth-tokens-v2.json");
        fs::write(&tokens, "old").unwrap();
        let directory = home.path().join(".llxprt");
        // A directory that is given twice is searched once.
        let found = find(vec![directory.clone(), directory]).await.unwrap();
        let what: Vec<_> = found.iter().map(|data| (data.path.clone(), data.kind)).collect();
        assert_eq!(
            what,
            [
                (tools.join("another.key"), "tool-key"),
                (tools.join("exa.key"), "tool-key"),
                (tokens, "mcp-oauth-tokens"),
            ]
        );
        assert!(
            found[1]
                .message
                .starts_with("Re-save your key with /toolkey set exa <api-key>. ")
        );
        assert!(
            found[2]
                .message
                .starts_with("Re-authenticate with /auth login for MCP servers. ")
        );
        for data in found {
            assert!(data.message.contains(&data.path.display().to_string()));
            assert_eq!(fs::read_to_string(&data.path).unwrap(), "old");
        }
    }

    #[tokio::test]
    async fn r7c_a_file_in_the_place_of_the_directory_holds_no_old_data() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".llxprt"), "").unwrap();
        assert_eq!(find(vec![home.path().join(".llxprt")]).await, Ok(Vec::new()));
    }
}
