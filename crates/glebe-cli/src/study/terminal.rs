//! What is printed in the end: the targets, and what failed.

use super::results::Study;

/// A line each.
pub fn render(study: &Study) -> String {
    let mut out = String::new();
    for target in &study.targets {
        let verdict = match target.holds {
            Some(true) => "pass",
            Some(false) => "FAIL",
            None => "  – ",
        };
        let (what, measured, peer) = (&target.what, &target.measured, &target.best_peer);
        out += &format!("{verdict}  {what}: {measured}; best peer {peer}\n");
    }
    for failure in &study.failures {
        out += &format!("failed: {}: {}\n", failure.what, failure.why);
    }
    out
}
