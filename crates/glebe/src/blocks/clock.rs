//! A coarse clock for decay, cheap enough for slow paths: no system call, no libc.
//!
//! The unit is a *tick* of 2²⁰ cycles of the time-stamp counter: between 0.25 and 0.5 ms on every
//! machine that runs at 2 to 4 GHz, which is as exact as decay needs to be.

/// Ticks since some fixed moment; wraps after weeks, so compare by wrapping subtraction.
#[inline]
pub fn now() -> u32 {
    (cycles() >> 20) as u32
}

/// So many ticks, about a second, the counters of two cores may differ.
const SKEW: u32 = 4096;

/// Whether `ticks` have gone by between `since` and `now`.
#[inline]
pub fn elapsed(now: u32, since: u32, ticks: u32) -> bool {
    let gone = now.wrapping_sub(since);
    // A moment in the near future counts as now. All else has gone by, however long ago.
    gone >= ticks && gone < u32::MAX - SKEW
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn cycles() -> u64 {
    // SAFETY: rdtsc exists on every x86-64 processor and only reads a counter.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn cycles() -> u64 {
    let (count, hertz): (u64, u64);
    // SAFETY: both registers are readable from user mode on Linux.
    unsafe {
        core::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nomem, nostack));
        core::arch::asm!("mrs {}, cntfrq_el0", out(reg) hertz, options(nomem, nostack));
    }
    // Scale to about 3 GHz.
    count.wrapping_mul(3_000_000_000 / hertz.max(1))
}

#[cfg(test)]
mod tests {
    use super::elapsed;

    #[test]
    fn a_long_time_is_elapsed_too() {
        // A program that starts when the machine is up nine days, and one that slept so long.
        for (now, since) in [(0x9000_0000, 0), (0x9000_0010, 0x10), (5, 0x5000_0000)] {
            assert!(elapsed(now, since, 1000), "{now:x} {since:x}");
        }
        assert!(!elapsed(5, 6, 1000), "another core's counter is ahead");
    }
}
