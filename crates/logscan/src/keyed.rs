//! Hashes of what logs say, with a key that another run of the program does not have.
//!
//! Whoever writes a log chooses its messages and ids, and must not choose ones whose hashes are alike. No result
//! depends on such a hash.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use hashbrown::DefaultHashBuilder;

static KEY: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// The hash of a text in this run of the program.
pub(crate) fn keyed_hash(text: &[u8]) -> u64 {
    let mut hasher = KEY.build_hasher();
    hasher.write(text);
    hasher.finish()
}
