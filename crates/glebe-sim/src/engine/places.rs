//! Where the engine's tables and the users' land lie, as in `records/layout.rs` of the engine, and
//! which size classes there are: fifteen of the real eighty.
//!
//! Rows, records and heaps of neighbours share lines and pages here as they do there: eight rows a
//! page, two records a line, two heaps and a bit on three pages.

/// Bytes of a unit.
pub const UNIT: u64 = 64 << 10;
/// Units there are at most.
pub const UNITS: u32 = 16 << 10;
const ROW: u64 = 512;
const RECORD: u64 = 32;
/// `HEAP_BYTES` of the engine.
const HEAP: u64 = 9280;

const REGION: u64 = 1 << 20;
const REGISTRY: u64 = 2 << 20;
const GATHERED: u64 = 3 << 20;
const HEAPS: u64 = 4 << 20;
const RECORDS: u64 = 8 << 20;
const ROWS: u64 = 16 << 20;
/// R of the classes that have no room for it in their rows.
const REMOTES: u64 = 32 << 20;
/// The first unit of land.
pub const LAND: u64 = 64 << 20;

/// Words of a row.
const WORDS: usize = 55;

/// Slot sizes.
pub const SIZES: [u32; 15] = [
    16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096, 8192,
];

/// The class that serves a size; none serves more than the largest slot.
pub fn class_of(size: u32) -> Option<usize> {
    let class = SIZES.partition_point(|&slot| slot < size);
    (class < SIZES.len()).then_some(class)
}

/// Slots of a slab.
pub fn slots(class: usize) -> usize {
    (UNIT as usize / SIZES[class] as usize).min(WORDS * 64)
}

/// Words of A of a slab.
pub fn words(class: usize) -> usize {
    slots(class).div_ceil(64)
}

/// The bits of a word that stand for slots.
pub fn valid(class: usize, word: usize) -> u64 {
    match slots(class) - word * 64 {
        64.. => u64::MAX,
        rest => (1 << rest) - 1,
    }
}

/// A full slab is listed again when so many slots are used.
pub fn relist_at(class: usize) -> usize {
    slots(class) - (slots(class) / 8).max(1)
}

/// A unit's land.
pub fn land(unit: u32) -> u64 {
    LAND + u64::from(unit) * UNIT
}

/// A unit's D, link and reciprocal.
pub fn entry(unit: u32) -> u64 {
    ROWS + u64::from(unit) * ROW
}

/// How many frees are left until something must be done about a slab.
pub fn until(unit: u32) -> u64 {
    entry(unit) + 64
}

/// A word of A.
pub fn live(unit: u32, word: usize) -> u64 {
    entry(unit) + 72 + 8 * word as u64
}

/// A word of R: behind A, if it fits in the row.
pub fn remote(unit: u32, class: usize, word: usize) -> u64 {
    match 2 * words(class) <= WORDS {
        true => live(unit, words(class) + word),
        false => REMOTES + u64::from(unit) * ROW + 8 * word as u64,
    }
}

/// A unit's S.
pub fn record(unit: u32) -> u64 {
    RECORDS + u64::from(unit) * RECORD
}

/// The lock of a shard of the region.
pub fn shard(number: usize) -> u64 {
    REGION + number as u64 * 4096
}

/// The bins of a shard, by the length of a run.
pub fn bins(number: usize, units: u32) -> u64 {
    shard(number) + 64 * (1 + u64::from(units.ilog2()))
}

/// The lock of the frontier, where shards share one.
pub fn frontier() -> u64 {
    REGION - 4096
}

/// The registry of heaps.
pub fn registry() -> u64 {
    REGISTRY
}

/// A heap's cursor.
pub fn cursor(heap: usize, class: usize) -> u64 {
    HEAPS + heap as u64 * HEAP + 64 * (1 + class as u64)
}

/// A heap's list of slabs with room.
pub fn list(heap: usize, class: usize) -> u64 {
    HEAPS + heap as u64 * HEAP + 6848 + 8 * class as u64
}

/// A heap's parcel.
pub fn parcel(heap: usize, class: usize) -> u64 {
    HEAPS + heap as u64 * HEAP + 7616 + 24 * class as u64
}

/// A heap's inbox and, for all classes, its stage.
pub fn inbox(heap: usize, class: usize) -> u64 {
    HEAPS + heap as u64 * HEAP + 8832 + 8 + 4 * class as u64
}

/// The parcel that a complex shares.
pub fn gathered(complex: usize, class: usize) -> u64 {
    GATHERED + complex as u64 * 4096 + 64 * class as u64
}
