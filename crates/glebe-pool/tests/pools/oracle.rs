//! Every fit policy with every kind of tags under the shadow oracle, over every kind of supplier.

use crate::common::{Land, every_policy, in_a_process, remember};
use glebe_pool::{
    BestFit, BlockSource, Break, FirstFit, Fit, InlineTags, Locked, Mmap, NoSource, Pool, SideTags,
    Split, Tags, TwoLevel,
};
use glebe_trace::{Care, Lifetimes, Origin, Profile, Sizes, Stream, Target, replay};
use std::alloc::{GlobalAlloc, Layout};

/// A pool as a target.
struct Player<F: Fit, T: Tags, S: BlockSource>(Locked<spin::Mutex<()>, F, T, S>);

impl<F: Fit, T: Tags, S: BlockSource> Player<F, T, S> {
    fn new(pool: Pool<F, T, S>) -> Self {
        Player(Locked::new(pool))
    }
}

fn layout(size: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(size.max(1), align).ok()
}

impl<F, T, S> Target for Player<F, T, S>
where
    F: Fit + Send,
    T: Tags,
    S: BlockSource + Send,
{
    const KEEPS_ALIGNMENT: bool = true;

    fn alloc(&self, size: usize) -> *mut u8 {
        self.aligned(16, size)
    }

    fn zeroed(&self, size: usize) -> *mut u8 {
        // SAFETY: the layout has a size.
        layout(size, 16).map_or(std::ptr::null_mut(), |layout| unsafe {
            GlobalAlloc::alloc_zeroed(&self.0, layout)
        })
    }

    fn aligned(&self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: the layout has a size.
        layout(size, align).map_or(std::ptr::null_mut(), |layout| unsafe {
            GlobalAlloc::alloc(&self.0, layout)
        })
    }

    unsafe fn realloc(&self, block: *mut u8, old: Layout, size: usize) -> *mut u8 {
        let Some(_) = layout(size, old.align()) else {
            return std::ptr::null_mut();
        };
        // SAFETY: the caller's promise.
        unsafe { GlobalAlloc::realloc(&self.0, block, old, size.max(1)) }
    }

    unsafe fn free(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.0.lock().free(block, None) }.expect("a live block is freed");
    }

    unsafe fn free_sized(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.0.lock().free(block, Some(layout)) }.expect("a live block is freed");
    }

    unsafe fn usable_size(&self, block: *mut u8, _: Layout) -> Option<usize> {
        Some(self.0.lock().usable_size(block).expect("a live block"))
    }

    fn verify(&self) -> Result<(), String> {
        self.0.lock().verify().map_err(|broken| broken.to_string())
    }
}

/// Ops in each run: `GLEBE_POOL_OPS`, else few enough for every day.
fn ops() -> usize {
    let text = std::env::var("GLEBE_POOL_OPS").unwrap_or_else(|_| "6000".to_owned());
    text.replace('_', "")
        .parse()
        .expect("GLEBE_POOL_OPS is a number")
}

fn care() -> Care {
    let mut care = Care::UTMOST;
    care.verify_first = 100_000;
    care.verify_every = 4096;
    care.check_every = 8;
    care
}

/// Bytes of land: much more than lives, as blocks at multiples of 4 MiB leave holes of that size.
const LAND: usize = 512 << 20;

/// Bytes that live: as few as leave time for many ops, as each byte is written and looked at.
const MOST_LIVE: usize = 24 << 20;

/// All mixes, of few enough blocks for lists.
fn profiles() -> impl Iterator<Item = Profile> {
    Profile::all().map(|mut profile| {
        profile.max_live = profile.max_live.min(match profile.sizes {
            Sizes::Aligned => 48,
            _ => 300,
        });
        profile.max_bytes = profile.max_bytes.min(MOST_LIVE);
        profile
    })
}

fn play<F, T, S>(pool: Pool<F, T, S>, profile: Profile, ops: usize)
where
    F: Fit + Send,
    T: Tags,
    S: BlockSource + Send,
{
    let player = Player::new(pool.with_hook(remember));
    let seed = 7;
    let stream = Stream::new(seed, profile).take(ops);
    if let Err(fault) = replay(&player, stream, care(), &Origin::List) {
        let policy = player.0.lock().policy();
        panic!("{policy:?}, stream {seed} of {profile}: {fault}");
    }
    player.0.lock().trim();
    let stats = player.0.lock().stats();
    assert_eq!(stats.live_blocks, 0);
    if S::GRANTS {
        assert_eq!(stats.granted_bytes, 0, "everything free has gone back");
    } else {
        assert_eq!(stats.free_blocks, 1, "everything free is one block again");
    }
    assert_eq!(crate::common::remembered(), None);
}

fn on_land<F: Fit + Send, T: Tags>() {
    let count = profiles().count();
    for profile in profiles() {
        let land = Land::new(LAND, 4096);
        let mut pool: Pool<F, T> = Pool::new(NoSource);
        land.give(&mut pool);
        play(pool, profile, ops() / count.min(ops()) + 1);
    }
}

fn on_mappings<F: Fit + Send, T: Tags>() {
    for sizes in [Sizes::Skewed, Sizes::Large, Sizes::Aligned] {
        let mut profile = Profile::new(sizes, Lifetimes::Growth);
        profile.max_live = 100;
        profile.max_bytes = profile.max_bytes.min(MOST_LIVE);
        let pool: Pool<F, T, Mmap> = Pool::new(Mmap).with_single_from(128 << 10);
        play(pool, profile, ops() / 8);
    }
}

macro_rules! matrix {
    ($($name:ident: $fit:ty, $tags:ty;)*) => {$(
        mod $name {
            #[test]
            fn on_land() {
                super::on_land::<$fit, $tags>();
            }

            #[test]
            fn on_mappings() {
                super::on_mappings::<$fit, $tags>();
            }
        }
    )*};
}

every_policy!(matrix! {});

/// One pool at a time: the break belongs to the process. And in a process without other threads:
/// `sbrk` reads the break and sets it, and the C library's malloc calls it from any thread.
#[test]
fn on_the_program_break() {
    if let Some(output) = in_a_process("oracle::on_the_program_break") {
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("1 passed"), "{said}");
        return;
    }
    let mut profile = Profile::new(Sizes::Skewed, Lifetimes::Random);
    profile.max_live = 300;
    let source = || Split::new(Break::of_process(), Mmap);
    let pool: Pool<FirstFit, InlineTags, _> = Pool::new(source()).with_single_from(64 << 10);
    play(pool, profile, ops() / 4);
    let pool: Pool<TwoLevel, SideTags, _> = Pool::new(source()).with_single_from(64 << 10);
    play(pool, profile, ops() / 4);
    let pool: Pool<BestFit, SideTags, _> = Pool::new(source());
    play(pool, profile, ops() / 4);
}
