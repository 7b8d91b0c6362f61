//! Data of older programs that nothing reads any more, and what to tell the user (R7C). It is looked for by name alone:
//! nothing is read, moved or deleted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};
use crate::fs::io_error::io_error;
use crate::tool_keys;

/// The directory of everything, below the home directory.
const DIRECTORY: &str = ".llxprt";

/// What the names of a tool's encrypted key file ended in.
const TOOL_KEY_SUFFIX: &str = ".key";

/// The one file of all MCP credentials.
const MCP_TOKENS: &str = "mcp-oauth-tokens-v2.json";

/// A file of an older program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyData {
    /// Where it is.
    pub path: PathBuf,
    /// `tool-key` or `mcp-oauth-tokens`.
    pub kind: &'static str,
    /// What it is, and what to do about it.
    pub message: String,
}

/// The old files below a home directory, tool keys first; empty when there are none. `DENIED` or `UNAVAILABLE` when it
/// cannot be looked for them.
pub async fn find(home: PathBuf) -> Result<Vec<LegacyData>> {
    tokio::task::spawn_blocking(move || find_now(&home))
        .await
        .unwrap_or_else(|_| {
            Err(Error::new(
                Code::Unavailable,
                "Looking for old data stopped before its end",
            ))
        })
}

fn find_now(home: &Path) -> Result<Vec<LegacyData>> {
    let tools = home.join(DIRECTORY).join(tool_keys::DIRECTORY);
    let mut found: Vec<_> = tool_keys_in(&tools)
        .map_err(|error| io_error("look for old tool keys in", &tools, &error))?
        .into_iter()
        .map(|(tool, path)| {
            let remedy = format!("Re-save your key with /toolkey set {tool} <api-key>");
            legacy(path, "tool-key", &remedy)
        })
        .collect();
    let tokens = home.join(DIRECTORY).join(MCP_TOKENS);
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

/// The files named after a tool, sorted by its name.
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
        if let Some(tool) = name.strip_suffix(TOOL_KEY_SUFFIX).filter(|tool| !tool.is_empty())
            && !entry.file_type()?.is_dir()
        {
            found.push((tool.to_owned(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
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
    async fn r7c_old_files_are_found_by_name_and_nothing_else_is() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(find(home.path().to_owned()).await, Ok(Vec::new()));
        let tools = home.path().join(".llxprt/tools");
        fs::create_dir_all(tools.join("dir.key")).unwrap();
        for name in ["exa.key", "another.key", ".key", "exa.enc", "keyfiles.json", "key"] {
            fs::write(tools.join(name), "old").unwrap();
        }
        let tokens = home.path().join(".llxprt/mcp-oauth-tokens-v2.json");
        fs::write(&tokens, "old").unwrap();
        let found = find(home.path().to_owned()).await.unwrap();
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
    async fn r7c_a_file_where_a_directory_should_be_holds_no_old_data() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".llxprt"), "").unwrap();
        assert_eq!(find(home.path().to_owned()).await, Ok(Vec::new()));
    }
}
