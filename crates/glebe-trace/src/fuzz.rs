//! The door for coverage-guided fuzzers, such as cargo-fuzz or afl: any bytes, played on Glebe.

use crate::fault::Origin;
use crate::replay::{Care, replay};
use crate::stream::Stream;
use crate::target::GlebeRaw;

/// Plays what `data` stands for on Glebe under the oracle, on this thread, with every check after
/// every op.
///
/// # Panics
/// On the first thing that is wrong.
pub fn fuzz_one(data: &[u8]) {
    let ops = Stream::from_bytes(data);
    if let Err(fault) = replay(&GlebeRaw, ops, Care::UTMOST, &Origin::List) {
        panic!("{fault}");
    }
}
