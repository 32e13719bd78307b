//! Makes a list of ops that shows a fault as short as it will go: first the shortest beginning,
//! then delta debugging (Zeller's ddmin), which leaves out ever smaller parts. In a result that no
//! limit cut short, no single op can be left out.

use std::ops::ControlFlow;

/// Whether a list still shows the fault; to break off ends the search with what it has by then.
pub type Verdict = ControlFlow<(), bool>;

/// A part of `ops`, in order, for which `shows` still holds. It must hold for `ops` themselves, and
/// is called O(n²) times at worst, mostly O(n log n).
pub fn minimise<O: Clone>(ops: &[O], mut shows: impl FnMut(&[O]) -> Verdict) -> Vec<O> {
    let mut found = ops.to_vec();
    // Whoever breaks off gets the best so far.
    let _ = shorten(&mut found, &mut shows);
    found
}

fn shorten<O: Clone>(
    found: &mut Vec<O>,
    shows: &mut impl FnMut(&[O]) -> Verdict,
) -> ControlFlow<()> {
    cut_the_end(found, shows)?;
    let mut parts = 2;
    while found.len() >= 2 {
        let length = found.len().div_ceil(parts);
        if leave_out(found, length, shows)? {
            parts = (parts - 1).max(2);
        } else if length == 1 {
            break;
        } else {
            parts = (parts * 2).min(found.len());
        }
    }
    ControlFlow::Continue(())
}

/// Finds the shortest beginning by halving, as if longer ones always showed the fault too. What is
/// kept has shown it, whether they do or not.
fn cut_the_end<O>(found: &mut Vec<O>, shows: &mut impl FnMut(&[O]) -> Verdict) -> ControlFlow<()> {
    let mut fine = 0;
    while fine + 1 < found.len() {
        let middle = fine.midpoint(found.len());
        if shows(&found[..middle])? {
            found.truncate(middle);
        } else {
            fine = middle;
        }
    }
    ControlFlow::Continue(())
}

/// Tries to do without each part of `length`; true if any could go.
fn leave_out<O: Clone>(
    found: &mut Vec<O>,
    length: usize,
    shows: &mut impl FnMut(&[O]) -> Verdict,
) -> ControlFlow<(), bool> {
    let (mut start, mut any) = (0, false);
    while start < found.len() && found.len() > 1 {
        let end = (start + length).min(found.len());
        let rest = [&found[..start], &found[end..]].concat();
        if !rest.is_empty() && shows(&rest)? {
            *found = rest;
            any = true;
        } else {
            start = end;
        }
    }
    ControlFlow::Continue(any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Op;
    use crate::profile::Profile;
    use crate::stream::Stream;

    fn ops(count: usize) -> Vec<Op> {
        let profile: Profile = "skewed-random".parse().unwrap();
        Stream::new(9, profile).take(count).collect()
    }

    #[test]
    fn keeps_just_what_matters() {
        let ops = ops(3000);
        let needed = [ops[40], ops[1700], ops[2750]];
        let shows = |list: &[Op]| {
            let mut wanted = needed.iter();
            let mut next = wanted.next();
            for op in list {
                if next == Some(op) {
                    next = wanted.next();
                }
            }
            next.is_none()
        };
        let mut calls = 0;
        let found = minimise(&ops, |list| {
            calls += 1;
            ControlFlow::Continue(shows(list))
        });
        assert_eq!(found, needed);
        assert!(calls < 500, "{calls} calls");
    }

    #[test]
    fn a_fault_shown_by_everything_needs_one_op() {
        assert_eq!(
            minimise(&ops(100), |_| ControlFlow::Continue(true)).len(),
            1
        );
    }

    #[test]
    fn breaking_off_keeps_the_best_so_far() {
        let ops = ops(1000);
        let mut calls = 0;
        let found = minimise(&ops, |list| {
            calls += 1;
            if calls > 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(list.len() >= 250)
            }
        });
        assert_eq!(found, ops[..250]);
    }
}
