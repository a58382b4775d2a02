//! What systemd-coredump wrote down about a core: in the file's name, and in extended attributes where those were kept.
//!
//! Source: `src/coredump/coredump.c` of systemd v255: `core.COMM.UID.BOOT.PID.TIME`, where `TIME` counts microseconds
//! and special bytes of `COMM` stand as `\xNN`; attributes are called `user.coredump.*`.

use std::path::Path;

use pycoroner_findings::UtcTime;

/// What is known of a core from beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredCore {
    /// Name of the thread that died (`comm`).
    pub name: Option<String>,
    /// Real user id.
    pub uid: Option<u64>,
    /// The boot of the machine that it happened in.
    pub boot_id: Option<String>,
    /// Process id, as the machine's root namespace counts.
    pub pid: Option<u64>,
    /// When the kernel began to write the core, to the second.
    pub time: Option<UtcTime>,
    /// Name of the machine.
    pub host: Option<String>,
}

impl StoredCore {
    /// Reads name and attributes of a file; empty for one that nothing is known of.
    pub fn of_file(path: &Path) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut stored = Self::of_name(name).unwrap_or_default();
        let number = |name: &str| attribute(path, name).and_then(|text| text.parse::<u64>().ok());
        stored.pid = number("user.coredump.pid").or(stored.pid);
        stored.uid = number("user.coredump.uid").or(stored.uid);
        stored.time = number("user.coredump.timestamp").and_then(microseconds).or(stored.time);
        stored.name = attribute(path, "user.coredump.comm").or(stored.name);
        stored.host = attribute(path, "user.coredump.hostname");
        stored
    }

    /// Reads a file name; none for a name that systemd-coredump would not give.
    fn of_name(name: &str) -> Option<Self> {
        let name =
            [".zst", ".lz4", ".xz"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
        let mut parts = name.strip_prefix("core.")?.rsplitn(5, '.');
        let (time, pid, boot, uid) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let comm = parts.next()?;
        let is_boot_id = boot.len() == 32 && boot.bytes().all(|byte| byte.is_ascii_hexdigit());
        // Microseconds of the years 2001 to 2286.
        let time = time.parse().ok().filter(|_| time.len() == 16).and_then(microseconds)?;
        is_boot_id.then_some(Self {
            name: Some(unescaped(comm)),
            uid: Some(uid.parse().ok()?),
            boot_id: Some(boot.to_owned()),
            pid: Some(pid.parse().ok()?),
            time: Some(time),
            host: None,
        })
    }
}

fn microseconds(count: u64) -> Option<UtcTime> {
    i64::try_from(count.checked_mul(1000)?).ok().map(UtcTime)
}

/// Undoes `\xNN`; what is no such escape stays.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut pieces = text.split("\\x");
    bytes.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let escape = piece.split_at_checked(2);
        let escape = escape.and_then(|(hex, rest)| Some((u8::from_str_radix(hex, 16).ok()?, rest)));
        if let Some((byte, rest)) = escape {
            bytes.push(byte);
            bytes.extend_from_slice(rest.as_bytes());
        } else {
            bytes.extend_from_slice(b"\\x");
            bytes.extend_from_slice(piece.as_bytes());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(target_os = "linux")]
fn attribute(path: &Path, name: &str) -> Option<String> {
    let mut value = [0; 256];
    let len = rustix::fs::getxattr(path, name, &mut value).ok()?;
    String::from_utf8(value.get(..len)?.to_vec()).ok().filter(|text| !text.is_empty())
}

#[cfg(not(target_os = "linux"))]
fn attribute(_: &Path, _: &str) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_stored_cores() {
        let boot = "d0c41fd3b4ad4a9ea5dd9b5e2cdb9f30";
        let check = |name: &str, expected: Option<(&str, u64, u64, i64)>| {
            let found = StoredCore::of_name(name);
            let found = found.as_ref().map(|stored| {
                let time = stored.time.unwrap().0 / 1000;
                (stored.name.as_deref().unwrap(), stored.uid.unwrap(), stored.pid.unwrap(), time)
            });
            assert_eq!(found, expected, "{name}");
        };
        let usual = format!("core.python3.1000.{boot}.2048.1698765432000000");
        check(&usual, Some(("python3", 1000, 2048, 1_698_765_432_000_000)));
        for ending in [".zst", ".lz4", ".xz"] {
            check(&format!("{usual}{ending}"), Some(("python3", 1000, 2048, 1_698_765_432_000_000)));
        }
        check(
            &format!("core.python3\\x2e12.0.{boot}.7.1698765432000000"),
            Some(("python3.12", 0, 7, 1_698_765_432_000_000)),
        );
        check(&format!("core.a.b.0.{boot}.7.1698765432000000"), Some(("a.b", 0, 7, 1_698_765_432_000_000)));
        check(
            &format!("core.\\xzz.0.{boot}.7.1698765432000000"),
            Some(("\\xzz", 0, 7, 1_698_765_432_000_000)),
        );
        for other in ["core", "core.2048", "core.python3.1000.2048.1698765432", "app.log", "core....."] {
            check(other, None);
        }
        check(&format!("core.python3.1000.{boot}.2048.99999999999999999999"), None);
    }
}
