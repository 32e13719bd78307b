//! Single instructions that the compiler cannot or may not choose by itself.

use crate::sync::AtomicU8;
use crate::sync::Ordering::Relaxed;

/// 1 if the processor counts bits by one instruction. Without, it takes fifteen.
static COUNTS_BITS: AtomicU8 = AtomicU8::new(0);

/// Finds out what the processor can do. Until then it can do nothing.
pub fn look() {
    #[cfg(target_arch = "x86_64")]
    {
        const POPCNT: u32 = 1 << 23;
        // SAFETY: every x86-64 processor has the instruction and its leaf 1.
        #[allow(unused_unsafe, reason = "a safe function since Rust 1.93")]
        let features = unsafe { core::arch::x86_64::__cpuid(1) };
        COUNTS_BITS.store(u8::from(features.ecx & POPCNT != 0), Relaxed);
    }
}

/// How many bits of a mask are set.
#[inline(always)]
pub fn ones(mask: u64) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if COUNTS_BITS.load(Relaxed) != 0 {
        let ones: u64;
        // SAFETY: it counts, and the processor was asked whether it has it.
        unsafe {
            core::arch::asm!(
                "popcnt {ones}, {mask}",
                mask = in(reg) mask,
                ones = lateout(reg) ones,
                options(pure, nomem, nostack),
            );
        }
        return ones as u32;
    }
    mask.count_ones()
}

/// The number of a mask's lowest bit; any number if it has none.
#[inline(always)]
pub fn lowest_bit(mask: u64) -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        let slot;
        // SAFETY: it counts. For an empty mask processors differ.
        unsafe {
            core::arch::asm!(
                "rep bsf {slot}, {mask}",
                mask = in(reg) mask,
                slot = lateout(reg) slot,
                options(pure, nomem, nostack),
            );
        }
        slot
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        mask.trailing_zeros() as usize
    }
}

/// Hints that a line will be written soon.
#[inline(always)]
pub fn prefetch_for_writing(base: usize, offset: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which changes no register and faults nowhere; nothing to processors without.
    unsafe {
        core::arch::asm!(
            "prefetchw [{base} + {offset}]",
            base = in(reg) base,
            offset = in(reg) offset,
            options(nostack, preserves_flags, readonly),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (base, offset);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_with_and_without_the_instruction() {
        let masks = [1, 1 << 63, u64::MAX, 0xF0F0, 0x8000_0001_0000_0001];
        let check = || {
            for mask in masks {
                assert_eq!(ones(mask), mask.count_ones());
                assert_eq!(lowest_bit(mask), mask.trailing_zeros() as usize);
            }
        };
        check();
        look();
        check();
        assert_eq!(ones(0), 0);
    }
}
