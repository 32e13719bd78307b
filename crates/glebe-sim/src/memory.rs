//! Memory as the cores see it: who holds a line, which node a page lives on, what a touch costs.
//!
//! A line is dirty in one core, or clean in any number of caches and in memory. A reader makes it
//! clean, a writer takes it from everybody. Caches are sets of lines with the longest unused going
//! first; they say what still has room, the line itself says whether a copy is good.
//!
//! | the line is | it comes from |
//! |--|--|
//! | good in the core's own caches | first or second level |
//! | dirty in another core | that one: same complex, other complex, other node |
//! | good in the complex's cache | third level |
//! | nowhere near | memory, of the node that touched the page first |
//! | to be written, and held by others too | the farthest of them, who must let go |
//!
//! A touch whose result is not waited for costs a part of its latency, [`Machine::overlap`].
//!
//! Not modelled: bandwidth, prefetching, address translation, and that clean lines may come from
//! another complex's cache instead of memory.
//!
//! Invariants
//! 1. A dirty line's only holder is its owner, and its only complex the owner's.
//! 2. `resident` is the number of pages with a home.

use crate::machine::Machine;
use serde::Serialize;
use strum::EnumCount;

/// Bytes of a cache line.
pub const LINE: u64 = 64;
/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// Bytes of a huge page.
pub const HUGE: u64 = 2 << 20;
const PIECE: u64 = 64 << 10;
const LINES: usize = (PIECE / LINE) as usize;
const PAGES: usize = (PIECE / PAGE) as usize;

/// What a locked instruction takes beside its line: 17 cycles (A. Fog's tables, Zen 3) or more.
const LOCKED: f64 = 5.0;
/// A page's first touch; the ledger has over 1 µs on a virtual machine (P46).
const FAULT: f64 = 1000.0;
/// A huge page's: clearing 2 MiB at 20 GB/s.
const HUGE_FAULT: f64 = 100_000.0;
/// A call that gives pages back, and each page in it: an estimate.
const PURGE: [f64; 2] = [1000.0, 50.0];

/// What a core does with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Reads it, and goes on meanwhile.
    Read,
    /// Writes it, and goes on meanwhile.
    Write,
    /// Reads it, and cannot go on before.
    Wait,
    /// A locked instruction: writes it, and waits.
    Lock,
}

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumCount)]
pub enum Source {
    /// The core's first-level cache, which costs nothing beside the instructions.
    First,
    /// Its second level.
    Second,
    /// The cache of the complex.
    Third,
    /// Another core of the complex.
    Neighbour,
    /// Memory of the node.
    Local,
    /// Another complex of the node.
    Complex,
    /// Another node's core.
    Node,
    /// Another node's memory.
    Remote,
}

/// What was touched and what it cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Traffic {
    /// Lines, by [`Source`].
    pub lines: [u64; Source::COUNT],
    /// Nanoseconds of these.
    pub ns: [f64; Source::COUNT],
    /// First touches of pages.
    pub faults: u64,
    /// Nanoseconds of these, and of giving pages back.
    pub paging_ns: f64,
    /// Nanoseconds waited for locks.
    pub waiting_ns: f64,
}

/// Where a line is. Eight bytes, for there are millions.
#[derive(Clone, Copy, Default)]
struct Line {
    /// Copies in a core's own caches are good if they are of this version.
    version: u32,
    /// The complexes whose caches have it.
    complexes: u16,
    /// The core that wrote it last, plus one; 0 while it is clean.
    owner: u8,
    /// The only core that has it, plus one; 0 for none, [`SEVERAL`].
    holder: u8,
}

/// See [`Line::holder`].
const SEVERAL: u8 = 255;

impl Line {
    /// Nowhere but in memory, and not in any cache that does not know yet.
    fn gone(self) -> Line {
        Line {
            version: self.version + 1,
            ..Line::default()
        }
    }
}

/// 64 KiB of addresses.
struct Piece {
    lines: [Line; LINES],
    /// The node of each page, plus one; 0 without a page.
    homes: [u8; PAGES],
}

/// The lines in a cache, with the versions in which they came.
struct Tags {
    ways: usize,
    sets: u64,
    lines: Vec<(u32, u32)>,
}

impl Tags {
    fn new(bytes: usize, ways: usize) -> Tags {
        let sets = (bytes / LINE as usize / ways).max(1).next_power_of_two();
        Tags {
            ways,
            sets: sets as u64,
            lines: vec![(u32::MAX, 0); sets * ways],
        }
    }

    /// Puts a line in front of its set, in a version: the version it had there, and who had to go.
    fn touch(&mut self, line: u64, version: u32) -> (Option<u32>, Option<u64>) {
        let start = (line & (self.sets - 1)) as usize * self.ways;
        let line = line as u32;
        let set = &mut self.lines[start..start + self.ways];
        let found = set.iter().position(|&(held, _)| held == line);
        let last = found.unwrap_or(self.ways - 1);
        let gone = set[last];
        set.copy_within(..last, 1);
        set[0] = (line, version);
        match found {
            Some(_) => (Some(gone.1), None),
            None => (None, (gone.0 != u32::MAX).then_some(u64::from(gone.0))),
        }
    }
}

/// Caches and memory of a machine.
pub struct Memory {
    /// The machine.
    pub machine: Machine,
    /// What happened so far.
    pub traffic: Traffic,
    /// Nanoseconds since somebody last took them.
    spent: f64,
    pieces: Vec<Option<Box<Piece>>>,
    first: Vec<Tags>,
    second: Vec<Tags>,
    third: Vec<Tags>,
    /// From this address on pages are huge, where 2 MiB are free of small ones.
    huge_from: u64,
    resident: u64,
    /// The most pages that were resident at a time.
    peak: u64,
}

impl Memory {
    /// Empty caches, no pages.
    pub fn new(machine: Machine, huge_from: Option<u64>) -> Memory {
        let caches = |count, bytes, ways| (0..count).map(|_| Tags::new(bytes, ways)).collect();
        let cores = machine.all_cores();
        assert!(cores <= 128 && machine.all_complexes() <= 16);
        Memory {
            traffic: Traffic::default(),
            spent: 0.0,
            pieces: Vec::new(),
            first: caches(cores, machine.first, 8),
            second: caches(cores, machine.second, 8),
            third: caches(machine.all_complexes(), machine.third, 16),
            huge_from: huge_from.unwrap_or(u64::MAX),
            resident: 0,
            peak: 0,
            machine,
        }
    }

    /// A core touches the line of an address.
    pub fn touch(&mut self, core: usize, address: u64, touch: Touch) {
        self.settle(core, address);
        let writes = matches!(touch, Touch::Write | Touch::Lock);
        let source = self.fetch(core, address / LINE, writes);
        let latency = self.latency(source);
        let ns = match touch {
            Touch::Read | Touch::Write => latency / self.machine.overlap,
            Touch::Wait => latency,
            Touch::Lock => latency + LOCKED,
        };
        self.traffic.lines[source as usize] += 1;
        self.traffic.ns[source as usize] += ns;
        self.spent += ns;
    }

    /// Nanoseconds that somebody waited.
    pub fn wait(&mut self, ns: f64) {
        self.traffic.waiting_ns += ns;
        self.spent += ns;
    }

    /// Nanoseconds since the last call of [`Memory::take_spent`].
    pub fn spent(&self) -> f64 {
        self.spent
    }

    /// These, and begins anew.
    pub fn take_spent(&mut self) -> f64 {
        std::mem::take(&mut self.spent)
    }

    /// Gives the pages of a range back.
    pub fn purge(&mut self, start: u64, bytes: u64) {
        let mut pages = 0;
        for address in (start..start + bytes).step_by(PAGE as usize) {
            let page = page_of(address);
            let piece = piece(&mut self.pieces, address);
            if piece.homes[page] != 0 {
                piece.homes[page] = 0;
                for line in &mut piece.lines[page * 64..][..64] {
                    *line = line.gone();
                }
                pages += 1;
            }
        }
        self.resident -= pages;
        self.page_cost(PURGE[0] + PURGE[1] * pages as f64);
    }

    /// The node of a page; none if there is no page.
    pub fn home(&self, address: u64) -> Option<usize> {
        let piece = self.pieces.get((address / PIECE) as usize)?.as_ref()?;
        usize::from(piece.homes[page_of(address)]).checked_sub(1)
    }

    /// Pages, now and at most.
    pub fn resident(&self) -> [u64; 2] {
        [self.resident, self.peak]
    }

    /// Begins to count, and to look for the peak, anew.
    pub fn forget(&mut self) {
        self.traffic = Traffic::default();
        self.peak = self.resident;
    }

    fn latency(&self, source: Source) -> f64 {
        let costs = &self.machine.costs;
        match source {
            Source::First => 0.0,
            Source::Second => costs.second,
            Source::Third => costs.third,
            Source::Neighbour => costs.neighbour,
            Source::Local => costs.local,
            Source::Complex => costs.complex,
            Source::Node => costs.node,
            Source::Remote => costs.remote,
        }
    }

    fn page_cost(&mut self, ns: f64) {
        self.traffic.paging_ns += ns;
        self.spent += ns;
    }

    /// Sees to it that there is a page: on the node of who touches it first.
    fn settle(&mut self, core: usize, address: u64) {
        let page = page_of(address);
        if piece(&mut self.pieces, address).homes[page] != 0 {
            return;
        }
        self.traffic.faults += 1;
        let home = self.machine.node_of(core) as u8 + 1;
        let start = address / HUGE * HUGE;
        let whole = start..start + HUGE;
        let huge = start >= self.huge_from && self.free_of_pages(whole.clone());
        if huge {
            for address in whole.step_by(PIECE as usize) {
                piece(&mut self.pieces, address).homes = [home; PAGES];
            }
            self.resident += HUGE / PAGE;
            self.page_cost(HUGE_FAULT);
        } else {
            piece(&mut self.pieces, address).homes[page] = home;
            self.resident += 1;
            self.clear(core, address / PAGE * PAGE);
            self.page_cost(FAULT);
        }
        self.peak = self.peak.max(self.resident);
    }

    fn free_of_pages(&mut self, range: std::ops::Range<u64>) -> bool {
        let mut starts = range.step_by(PIECE as usize);
        starts.all(|address| piece(&mut self.pieces, address).homes == [0; PAGES])
    }

    /// The system clears a page: its lines are in the complex's cache.
    fn clear(&mut self, core: usize, start: u64) {
        let complex = 1 << self.machine.complex_of(core);
        for line in start / LINE..(start + PAGE) / LINE {
            self.enter_third(core, line);
            let state = self.line(line);
            *state = Line {
                complexes: complex,
                ..state.gone()
            };
        }
    }

    /// Brings a line to a core, to be written or read; where from.
    fn fetch(&mut self, core: usize, line: u64, writes: bool) -> Source {
        let (me, complex) = (core as u8 + 1, self.machine.complex_of(core));
        let before = *self.line(line);
        // Who drops a clean line tells nobody: it counts as a holder until somebody writes.
        let alone = matches!(before.holder, holder if holder == 0 || holder == me)
            && before.complexes & !(1 << complex) == 0;
        let after = match writes {
            true => Line {
                version: before.version + u32::from(!alone),
                complexes: 1 << complex,
                owner: me,
                holder: me,
            },
            false => Line {
                version: before.version,
                complexes: before.complexes | 1 << complex,
                owner: if before.owner == me { me } else { 0 },
                holder: match before.holder {
                    0 => me,
                    holder if holder == me => me,
                    _ => SEVERAL,
                },
            },
        };
        let good = Some(before.version);
        let in_first = self.first[core].touch(line, after.version).0 == good;
        let in_second = self.second[core].touch(line, after.version).0 == good;
        let from = match (in_first, in_second) {
            (true, _) => Source::First,
            (_, true) => Source::Second,
            _ => self.beyond(core, line, before),
        };
        if from > Source::Second {
            self.enter_third(core, line);
        }
        *self.line(line) = after;
        match writes && !alone {
            true => from.max(self.farthest(core, before)),
            false => from,
        }
    }

    /// Where a line comes from that the core's own caches do not have.
    fn beyond(&self, core: usize, line: u64, state: Line) -> Source {
        let complex = self.machine.complex_of(core);
        let owner = usize::from(state.owner).checked_sub(1);
        if let Some(owner) = owner.filter(|&owner| owner != core) {
            return self.distance(core, self.machine.complex_of(owner));
        }
        if state.complexes >> complex & 1 != 0 {
            return Source::Third;
        }
        match self.home(line * LINE) {
            Some(home) if home != self.machine.node_of(core) => Source::Remote,
            _ => Source::Local,
        }
    }

    fn distance(&self, core: usize, complex: usize) -> Source {
        if complex == self.machine.complex_of(core) {
            Source::Neighbour
        } else if complex / self.machine.complexes == self.machine.node_of(core) {
            Source::Complex
        } else {
            Source::Node
        }
    }

    /// The farthest of the others that hold a line; there are some.
    fn farthest(&self, core: usize, state: Line) -> Source {
        let held = |complex: &usize| state.complexes >> complex & 1 != 0;
        let complexes = (0..self.machine.all_complexes()).filter(held);
        let far = complexes.map(|complex| self.distance(core, complex));
        far.fold(Source::Neighbour, Source::max)
    }

    /// Puts a line in the cache of a core's complex. What has to go is in memory from now on.
    fn enter_third(&mut self, core: usize, line: u64) {
        let complex = self.machine.complex_of(core);
        let (_, Some(gone)) = self.third[complex].touch(line, 0) else {
            return;
        };
        let cores = self.machine.cores;
        let state = self.line(gone);
        state.complexes &= !(1 << complex);
        if usize::from(state.owner).wrapping_sub(1) / cores == complex {
            state.owner = 0;
        }
        if state.complexes == 0 {
            *state = state.gone();
        }
    }

    fn line(&mut self, line: u64) -> &mut Line {
        &mut piece(&mut self.pieces, line * LINE).lines[line as usize % LINES]
    }

    /// Checks the invariants.
    pub fn verify(&self) -> Result<(), String> {
        let pieces = || self.pieces.iter().flatten();
        let homes = pieces()
            .flat_map(|piece| piece.homes)
            .filter(|&home| home != 0);
        if homes.count() as u64 != self.resident {
            return Err("memory 2: the number of resident pages is off".into());
        }
        for line in pieces().flat_map(|piece| &piece.lines) {
            if let Some(owner) = usize::from(line.owner).checked_sub(1) {
                let complex = 1 << self.machine.complex_of(owner);
                if line.complexes != complex || line.holder != line.owner {
                    return Err("memory 1: a dirty line is held by others".into());
                }
            }
        }
        Ok(())
    }
}

fn page_of(address: u64) -> usize {
    (address % PIECE / PAGE) as usize
}

/// The piece of an address; made when it is first asked for.
fn piece(pieces: &mut Vec<Option<Box<Piece>>>, address: u64) -> &mut Piece {
    let number = (address / PIECE) as usize;
    if pieces.len() <= number {
        pieces.resize_with(number + 1, || None);
    }
    pieces[number].get_or_insert_with(|| {
        Box::new(Piece {
            lines: [Line::default(); LINES],
            homes: [0; PAGES],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Name;

    /// One machine, and what the last touch of each test costs on it.
    struct Lab(Memory);

    impl Lab {
        fn new() -> Lab {
            Lab(Memory::new(Name::TwoChiplets.machine(), None))
        }

        fn source(&mut self, core: usize, address: u64, touch: Touch) -> Source {
            let sources = [
                Source::First,
                Source::Second,
                Source::Third,
                Source::Neighbour,
                Source::Local,
                Source::Complex,
                Source::Node,
                Source::Remote,
            ];
            self.0.traffic = Traffic::default();
            self.0.touch(core, address, touch);
            self.0.verify().unwrap();
            let found = self.0.traffic.lines.iter().position(|&count| count == 1);
            sources[found.unwrap()]
        }
    }

    #[test]
    fn a_dirty_line_comes_from_its_owner_and_is_clean_then() {
        for (reader, from) in [
            (1, Source::Neighbour),
            (8, Source::Complex),
            (64, Source::Node),
        ] {
            let mut lab = Lab::new();
            lab.source(0, 0, Touch::Write);
            assert_eq!(lab.source(0, 0, Touch::Write), Source::First);
            assert_eq!(lab.source(reader, 0, Touch::Read), from);
            assert_eq!(lab.source(reader, 0, Touch::Read), Source::First);
            assert_eq!(lab.source(0, 0, Touch::Read), Source::First);
            // Both hold it now, so that who writes must ask the other.
            assert_eq!(lab.source(0, 0, Touch::Write), from);
            assert_eq!(lab.source(0, 0, Touch::Write), Source::First);
            assert_eq!(lab.source(reader, 0, Touch::Write), from);
        }
    }

    #[test]
    fn a_page_lives_where_it_was_touched_first() {
        let mut lab = Lab::new();
        lab.source(70, 0, Touch::Write);
        assert_eq!((lab.0.home(0), lab.0.home(PAGE)), (Some(1), None));
        assert_eq!(lab.0.resident(), [1, 1]);
        // The page was cleared there, so its other lines are in that complex's cache only.
        assert_eq!(lab.source(71, 64, Touch::Read), Source::Third);
        assert_eq!(lab.source(0, 128, Touch::Read), Source::Remote);
        assert_eq!(lab.source(80, 192, Touch::Read), Source::Local);
        lab.0.purge(0, PAGE);
        assert_eq!((lab.0.home(0), lab.0.resident()), (None, [0, 1]));
        lab.source(0, 0, Touch::Read);
        assert_eq!(lab.0.home(0), Some(0));
        lab.0.verify().unwrap();
    }

    #[test]
    fn a_huge_page_has_one_home() {
        let mut memory = Memory::new(Name::TwoChiplets.machine(), Some(HUGE));
        memory.touch(64, HUGE + 5 * PAGE, Touch::Write);
        memory.touch(0, HUGE, Touch::Write);
        memory.touch(0, 0, Touch::Write);
        let homes = [HUGE, 2 * HUGE - PAGE, 0].map(|address| memory.home(address));
        assert_eq!(homes, [Some(1), Some(1), Some(0)]);
        assert_eq!(memory.resident()[0], HUGE / PAGE + 1);
        memory.purge(HUGE, PAGE);
        memory.touch(0, HUGE, Touch::Write);
        assert_eq!(
            memory.home(HUGE),
            Some(0),
            "a hole is filled with small pages"
        );
        memory.verify().unwrap();
    }

    #[test]
    fn what_has_no_room_left_is_in_memory() {
        let mut lab = Lab::new();
        let bytes = lab.0.machine.third as u64;
        for address in (0..2 * bytes).step_by(LINE as usize) {
            lab.0.touch(0, address, Touch::Write);
        }
        assert_eq!(lab.source(0, 0, Touch::Read), Source::Local);
        assert_eq!(lab.source(0, 2 * bytes - LINE, Touch::Read), Source::First);
    }

    #[test]
    fn who_waits_pays_all_of_it() {
        let mut lab = Lab::new();
        lab.source(64, 0, Touch::Write);
        lab.0.take_spent();
        lab.source(0, 0, Touch::Wait);
        assert_eq!(lab.0.take_spent(), 197.0);
        lab.source(64, 0, Touch::Write);
        assert_eq!(lab.0.take_spent(), 197.0 / lab.0.machine.overlap);
        lab.source(0, 0, Touch::Lock);
        assert_eq!(lab.0.take_spent(), 197.0 + LOCKED);
    }
}
