//! Child processes of a test. A child is another process of the test binary, with its role in environment variables. It reports
//! in lines that start with `@`, which tells them from the output of the test harness.
//!
//! Each test binary that spawns children has a test named `a_child_plays_its_role`, which does nothing outside of a child.

#![allow(dead_code)] // each test binary uses a part

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const ROLE: &str = "SECURESTORE_TEST_ROLE";
const DIR: &str = "SECURESTORE_TEST_DIR";
const ID: &str = "SECURESTORE_TEST_ID";
/// Multiplies the rounds of the tests that kill processes at random moments.
const LONG: &str = "SECURESTORE_TEST_LONG";

/// What a child does, in which directory, and its number among the children of the test.
pub struct Role {
    pub name: String,
    pub dir: PathBuf,
    pub id: String,
}

impl Role {
    /// Returns the role of this process; `None` outside of a child.
    pub fn of_this_process() -> Option<Self> {
        Some(Self {
            name: std::env::var(ROLE).ok()?,
            dir: PathBuf::from(std::env::var_os(DIR)?),
            id: std::env::var(ID).unwrap_or_default(),
        })
    }
}

/// Returns the number of rounds of a test that kills processes at random moments.
pub fn rounds(short: usize) -> usize {
    let factor = std::env::var(LONG).ok().and_then(|factor| factor.parse().ok());
    short * factor.unwrap_or(1)
}

/// Returns the command that starts a child.
pub fn command(role: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "a_child_plays_its_role", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(DIR, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// Returns the command that starts a child in which a file cannot grow beyond this many blocks of 512 or 1,024 bytes.
pub fn command_with_file_limit(role: &str, dir: &Path, blocks: usize) -> Command {
    let child = command(role, dir);
    let mut shell = Command::new("bash");
    // Without the trap, the signal that the limit sends would end the process.
    let script = format!(r#"trap "" XFSZ; ulimit -f {blocks}; exec "$0" "$@""#);
    shell
        .args(["-c", &script])
        .arg(child.get_program())
        .args(child.get_args());
    for (name, value) in child.get_envs() {
        shell.env(name, value.unwrap());
    }
    shell.stdin(Stdio::null()).stdout(Stdio::piped());
    shell
}

/// Starts a child.
pub fn spawn(role: &str, dir: &Path, id: usize) -> (Child, BufReader<ChildStdout>) {
    let mut child = command(role, dir).env(ID, id.to_string()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// Returns the next line that the child reports; `None` when it has ended.
pub fn next_line(output: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut line = String::new();
    loop {
        line.clear();
        if output.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        // The harness may have printed the name of the test at the start of the line. A line without an end is of a child that
        // was killed while it wrote.
        if let (Some(at), true) = (line.find('@'), line.ends_with('\n')) {
            return Some(line[at + 1..].trim_end().to_owned());
        }
    }
}

/// Reports a line from a child to its test.
pub fn report(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "@{line}").unwrap();
    out.flush().unwrap();
}

/// Waits until a child ends, and asserts that it succeeded and that its last report is "end". Returns the reports before that.
pub fn expect_success((mut child, mut output): (Child, BufReader<ChildStdout>)) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(line) = next_line(&mut output) {
        lines.push(line);
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(
        lines.pop().as_deref(),
        Some("end"),
        "the child did not play its role to the end"
    );
    lines
}

/// Runs a child until it ends, and returns its reports.
pub fn run(mut command: Command) -> Vec<String> {
    let mut child = command.spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    expect_success((child, output))
}
