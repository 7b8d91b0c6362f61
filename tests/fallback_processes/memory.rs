//! Searches the memory of its own process for secrets that must have been wiped.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use securestore::secret::Secret;
use zeroize::Zeroizing;

use super::with_secret;

/// Runs in a child process, on a thread of its own. Writes and reads a value under a machine secret, drops everything, and
/// searches all writable memory for the value and for the machine secret (its bytes, in hex and in base64).
pub fn search(path: &Path) {
    let (value, secret) = (Needle::random(), Needle::random());
    let file = path.join("secret");
    {
        let text = Zeroizing::new(STANDARD.encode(&secret.bytes()[..32]));
        std::fs::write(&file, text.as_bytes()).unwrap();
    }
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        let held = runtime.block_on(async {
            let dir = with_secret(&path.join("files"), file);
            let mut text = Zeroizing::new(String::with_capacity(128));
            value
                .bytes()
                .iter()
                .for_each(|byte| text.push(char::from(b'!' + byte % 64)));
            dir.write("k", &Secret::from(text.as_str()), None).await.unwrap();
            let stored = dir.read_many(&["k".to_owned()]).await.pop().unwrap().unwrap().unwrap();
            assert!(stored.value.expose() == text.as_str());
            stored
        });
        assert!(
            found(&value.printable()),
            "the search does not find a value that is in memory"
        );
        drop(held);
    }
    assert!(!found(&value.printable()), "the value is still in memory");
    assert!(!found(&secret.raw()), "the machine secret is still in memory");
    assert!(!found(&secret.hex()), "the machine secret in hex is still in memory");
    assert!(
        !found(&secret.base64()),
        "the machine secret in base64 is still in memory"
    );
}

/// What is searched for. It is kept in another form, so that the search does not find the needle itself.
struct Needle([u8; 64]);

/// The bytes that are searched for, each with all its bits flipped.
struct Flipped(Vec<u8>);

impl Needle {
    fn random() -> Self {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).unwrap();
        Self(bytes)
    }

    fn bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.iter().map(|byte| byte.rotate_left(3) ^ 0x5a).collect())
    }

    fn printable(&self) -> Flipped {
        Flipped(self.bytes().iter().map(|byte| !(b'!' + byte % 64)).collect())
    }

    fn raw(&self) -> Flipped {
        Flipped(self.bytes()[..32].iter().map(|byte| !byte).collect())
    }

    fn hex(&self) -> Flipped {
        let digit = |value: u8| !b"0123456789abcdef"[usize::from(value)];
        let bytes = self.bytes();
        Flipped(
            bytes[..32]
                .iter()
                .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
                .collect(),
        )
    }

    fn base64(&self) -> Flipped {
        let text = Zeroizing::new(STANDARD.encode(&self.bytes()[..32]));
        Flipped(text.bytes().map(|byte| !byte).collect())
    }
}

/// Returns whether the first 24 bytes of the needle are anywhere in the writable memory of the process.
fn found(needle: &Flipped) -> bool {
    let needle = &needle.0[..24];
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut buffer = vec![0u8; 1 << 20];
    for line in maps.lines() {
        let mut fields = line.split(' ');
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let (mut at, end) = (
            u64::from_str_radix(start, 16).unwrap(),
            u64::from_str_radix(end, 16).unwrap(),
        );
        while at < end {
            let len = buffer.len().min((end - at) as usize);
            // A part that cannot be read, such as a guard page, counts as empty.
            let read = memory.read_at(&mut buffer[..len], at).unwrap_or(0);
            let hit = buffer[..read].windows(needle.len()).any(|window| {
                window[0] == !needle[0] && window.iter().zip(needle).all(|(byte, wanted)| *byte == !wanted)
            });
            if hit {
                return true;
            }
            // Consecutive reads overlap, so that a needle at their border is found.
            at += if read > needle.len() && at + (read as u64) < end {
                (read - needle.len()) as u64
            } else {
                len as u64
            };
        }
    }
    false
}
