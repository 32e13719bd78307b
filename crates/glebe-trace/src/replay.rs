//! Plays ops on a target on one thread, under the oracle.

use crate::bad::Announce;
use crate::fault::{Fault, Origin, Wrong};
use crate::op::Op;
use crate::shadow::Shadow;
use crate::target::Target;

/// How closely to look.
#[derive(Clone, Copy, Debug)]
pub struct Care {
    /// The allocator's own check runs after each of so many first ops …
    pub verify_first: u64,
    /// … and then after every so many; 0 for never.
    pub verify_every: u64,
    /// A live block, any, is checked after every so many ops; 0 for never.
    pub check_every: u64,
    /// Bad frees are played and announced.
    pub(crate) bad_frees: Option<Announce>,
}

impl Default for Care {
    fn default() -> Care {
        Care {
            verify_first: 256,
            verify_every: 16_384,
            check_every: 8,
            bad_frees: None,
        }
    }
}

impl Care {
    /// After every op.
    pub const UTMOST: Care = Care {
        verify_first: u64::MAX,
        verify_every: 1,
        check_every: 1,
        bad_frees: None,
    };

    /// Plays bad frees, which are passed over else, and calls `announce` before each.
    ///
    /// # Safety
    /// What is played on ends the process at every bad free, at the latest when it is purged after
    /// its threads have ended; nothing else is done with it after one.
    pub const unsafe fn with_bad_frees(self, announce: Announce) -> Care {
        Care {
            bad_frees: Some(announce),
            ..self
        }
    }

    /// A shadow that plays bad frees if they are allowed.
    pub(crate) fn shadow<'t, T: Target + ?Sized>(&self, target: &'t T) -> Shadow<'t, T> {
        let shadow = Shadow::new(target);
        match self.bad_frees {
            // SAFETY: so says whoever allowed them.
            Some(announce) => unsafe { shadow.with_bad_frees(announce) },
            None => shadow,
        }
    }

    /// Plays an op, and looks as closely as is due after it.
    pub(crate) fn step<T: Target + ?Sized>(
        &self,
        shadow: &mut Shadow<'_, T>,
        target: &T,
        op: Op,
        index: u64,
    ) -> Result<(), Wrong> {
        shadow.play(op)?;
        if due(self.check_every, index) {
            shadow.check_any()?;
        }
        if index < self.verify_first || due(self.verify_every, index) {
            target.verify().map_err(Wrong::Records)?;
        }
        Ok(())
    }
}

fn due(every: u64, index: u64) -> bool {
    every != 0 && index.is_multiple_of(every)
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Ops played.
    pub ops: u64,
    /// Of these, ops that meant nothing.
    pub passed_over: u64,
    /// Most blocks that lived at a time.
    pub most_live: usize,
    /// Blocks that were freed on another thread than allocated.
    pub handed_over: u64,
}

/// Plays `ops` and then frees what still lives.
///
/// # Errors
/// The first thing that is wrong.
pub fn replay<T: Target + ?Sized>(
    target: &T,
    ops: impl IntoIterator<Item = Op>,
    care: Care,
    origin: &Origin,
) -> Result<Summary, Box<Fault>> {
    let mut shadow = care.shadow(target);
    let mut summary = Summary::default();
    let fault = |op, wrong| {
        Box::new(Fault {
            wrong,
            op,
            thread: 0,
            origin: origin.clone(),
        })
    };
    for (op, index) in ops.into_iter().zip(0..) {
        care.step(&mut shadow, target, op, index)
            .map_err(|wrong| fault(Some((index, op)), wrong))?;
        summary.ops += 1;
        summary.most_live = summary.most_live.max(shadow.live());
    }
    summary.passed_over = shadow.passed_over();
    shadow.finish().map_err(|wrong| fault(None, wrong))?;
    target
        .verify()
        .map_err(|broken| fault(None, Wrong::Records(broken)))?;
    Ok(summary)
}
