//! How long single calls take: every `malloc` and every `free` is timed, and counted in a histogram
//! of its own. After the latency figures of Jeff Dean and Luiz Barroso, "The Tail at Scale", CACM
//! 2013: a server's user waits for the slowest of many calls.
//!
//! The clock is the processor's time-stamp counter, calibrated by `quanta` (which falls back to the
//! system's clock where the counter is not constant). A fence before each reading lets all earlier
//! instructions end first; with it a reading takes two thirds of what `clock_gettime` does. Nothing
//! is subtracted: the clock's own cost is in every figure of every allocator.

use std::thread;

use hdrhistogram::Histogram;
use quanta::Clock;

use crate::bench::patterns::heap::{release, untouched};
use crate::bench::patterns::pattern::{Latency, Load, Pattern, Quantiles};
use crate::bench::patterns::sizes::{Random, Sizes};
use crate::bench::patterns::table::Table;

use super::large::touch;

/// Ticks from which calls are no longer told apart: minutes.
const MAX_TICKS: u64 = 1 << 40;
/// Histograms tell values apart that differ in this many digits.
const DIGITS: u8 = 2;

pub fn patterns() -> Vec<Pattern> {
    let about = "time each call: replace one of 100000 objects of 8 to 4096 bytes, mostly small";
    let two = "the same in 2 threads";
    let large = "time each call: replace one of 200 objects of 64 bytes to 1 MiB, page by page";
    let small = |threads| move |seed| Timed::new(threads, 100_000, seed, Sizes::skewed);
    vec![
        Pattern::new("latency/100k", about, 1_500_000, small(1)),
        Pattern::new("latency/2x100k", two, 2_000_000, small(2)),
        Pattern::new("latency/1M", large, 160_000, |seed| {
            Timed::new(1, 200, seed, |seed| Sizes::logarithmic(seed, 64, 1 << 20))
        }),
    ]
}

struct Timed {
    clock: Clock,
    workers: Vec<Worker>,
}

struct Worker {
    objects: Table<*mut u8>,
    sizes: Sizes,
    random: Random,
    malloc: Histogram<u64>,
    free: Histogram<u64>,
}

impl Timed {
    fn new(threads: u64, live: usize, seed: u64, sizes: impl Fn(u64) -> Sizes) -> Self {
        let seeds = (0..threads).map(|thread| seed.wrapping_add(thread));
        Self {
            clock: Clock::new(),
            workers: seeds
                .map(|seed| Worker::new(live, seed, sizes(seed)))
                .collect(),
        }
    }

    fn quantiles(&self, of: impl Fn(&Worker) -> &Histogram<u64>) -> Quantiles {
        let mut all = histogram();
        for worker in &self.workers {
            all.add(of(worker))
                .expect("all histograms have the same range");
        }
        let nanoseconds = |ticks| self.clock.delta_as_nanos(0, ticks);
        Quantiles {
            calls: all.len(),
            p50: nanoseconds(all.value_at_quantile(0.5)),
            p99: nanoseconds(all.value_at_quantile(0.99)),
            p999: nanoseconds(all.value_at_quantile(0.999)),
            max: nanoseconds(all.max()),
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_TICKS, DIGITS).expect("the range is sound")
}

impl Worker {
    fn new(live: usize, seed: u64, sizes: Sizes) -> Self {
        let mut worker = Self {
            objects: Table::new(live),
            sizes,
            random: Random::new(!seed),
            malloc: histogram(),
            free: histogram(),
        };
        for slot in worker.objects.iter_mut() {
            let size = worker.sizes.next();
            *slot = untouched(size);
            // SAFETY: just obtained.
            unsafe { touch(*slot, size) };
        }
        worker
    }

    fn run(&mut self, ops: u64, clock: &Clock) {
        self.malloc.reset();
        self.free.reset();
        let live = self.objects.len();
        for _ in 0..ops {
            let slot = &mut self.objects[self.random.below(live)];
            let size = self.sizes.next();
            let start = ticks(clock);
            // SAFETY: every slot always holds a live object.
            unsafe { release(*slot) };
            let freed = ticks(clock);
            *slot = untouched(size);
            let end = ticks(clock);
            self.free.saturating_record(freed.saturating_sub(start));
            self.malloc.saturating_record(end.saturating_sub(freed));
            // SAFETY: just obtained.
            unsafe { touch(*slot, size) };
        }
    }
}

/// Reads the clock when all earlier instructions have ended.
#[inline(always)]
fn ticks(clock: &Clock) -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction, which touches nothing.
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    clock.raw()
}

impl Load for Timed {
    fn run(&mut self, ops: u64) -> u64 {
        let each = ops.div_ceil(self.workers.len() as u64);
        let clock = &self.clock;
        thread::scope(|scope| {
            for worker in &mut self.workers {
                scope.spawn(move || worker.run(each, clock));
            }
        });
        each * self.workers.len() as u64
    }

    fn latency(&self) -> Option<Latency> {
        Some(Latency {
            malloc: self.quantiles(|worker| &worker.malloc),
            free: self.quantiles(|worker| &worker.free),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_counted_once_and_no_other() {
        let mut timed = Timed::new(2, 50, 1, Sizes::skewed);
        timed.run(1_000);
        let done = timed.run(1_500);
        let latency = timed.latency().unwrap();
        assert_eq!((latency.malloc.calls, latency.free.calls), (done, done));
        for quantiles in [latency.malloc, latency.free] {
            let rising = quantiles.rising();
            assert!(rising[0] > 0 && rising.is_sorted(), "{rising:?}");
        }
    }

    #[test]
    fn a_slow_call_is_as_long_as_it_was() {
        let clock = Clock::new();
        let start = ticks(&clock);
        thread::sleep(std::time::Duration::from_millis(20));
        let mut slow = histogram();
        slow.saturating_record(ticks(&clock) - start);
        let nanoseconds = clock.delta_as_nanos(0, slow.max());
        assert!(
            (19_800_000..2_000_000_000).contains(&nanoseconds),
            "{nanoseconds}"
        );
    }
}
