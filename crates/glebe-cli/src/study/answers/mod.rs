//! The answers in words, from the figures: no figure is written here before it is measured. A file
//! for each question; here what they share, the targets, and how the study was made.

mod cost;
mod fragmentation;
mod growth;
mod locality;

pub use cost::cost;
pub use fragmentation::fragmentation;
pub use growth::growth;
pub use locality::locality;

use std::cmp::Ordering;

use strum::IntoEnumIterator;

use super::arms::{Fit, Name, Supplier, Tags};
use super::figures::percent;
use super::results::Study;
use crate::bench::stats::Verdict;

/// The pool over a fixed range.
fn pool(fit: Fit, tags: Tags) -> Name {
    Name::Pool(fit, tags, Supplier::Fixed)
}

/// What is compared where suppliers are not the question: pools over a fixed range, and others.
fn is_main(arm: Name) -> bool {
    arm.is_fixed() || !matches!(arm, Name::Pool(..))
}

/// Name and value of the arm with the least, and of that with the most; the first of equals.
fn extremes(values: impl Iterator<Item = (Name, f64)> + Clone) -> Option<[(Name, f64); 2]> {
    let pick = |wanted: Ordering| {
        values
            .clone()
            .reduce(|best, one| match one.1.total_cmp(&best.1) {
                order if order == wanted => one,
                _ => best,
            })
    };
    Some([pick(Ordering::Less)?, pick(Ordering::Greater)?])
}

/// `a, b and c`.
fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., end] => format!("{} and {end}", start.join(", ")),
    }
}

/// What `tell` says of each policy, joined.
fn by_policy(tell: impl Fn(Fit) -> Option<String>) -> Option<String> {
    let told: Vec<String> = Fit::iter().filter_map(tell).collect();
    (!told.is_empty()).then(|| list(&told))
}

/// The targets.
pub fn targets(study: &Study) -> Vec<String> {
    let count = |holds| {
        study
            .targets
            .iter()
            .filter(|target| target.holds == holds)
            .count()
    };
    let mut words = format!(
        "Of {} targets {} hold, {} do not",
        study.targets.len(),
        count(Some(true)),
        count(Some(false))
    );
    let unmeasured = count(None);
    if unmeasured > 0 {
        words += &format!(", {unmeasured} were not measured");
    }
    let mut answers = vec![words + "."];
    let lost = study
        .duels
        .iter()
        .filter(|duel| duel.verdict == Verdict::Behind);
    let worst = lost
        .clone()
        .min_by(|one, other| one.ratio.total_cmp(&other.ratio));
    if let Some(worst) = worst {
        answers.push(format!(
            "Against the best peer of each row {} of {} rows are lost; the worst is {}, {:.2} \
             times as good as {}. The second table has them all.",
            lost.count(),
            study.duels.len(),
            worst.what,
            worst.ratio,
            worst.best_peer
        ));
    } else if !study.duels.is_empty() {
        answers.push("No row is lost against the best peer of that row.".into());
    }
    answers
}

/// How the study was made, a sentence each.
pub fn setting(study: &Study) -> Vec<String> {
    let setting = &study.setting;
    let machine = &setting.machine;
    let mut lines = vec![
        format!("Machine: {}.", machine.line()),
        format!(
            "glebe {}, seed {}, {} rounds of what the clock measures, {:.0} s in all{}.",
            setting.version,
            setting.seed,
            setting.rounds,
            setting.seconds,
            if setting.quick {
                "; quick: short runs, for a first look only"
            } else {
                ""
            }
        ),
        match &setting.valgrind {
            Some(version) => format!(
                "Instructions: counted by callgrind ({version}), in processes of their own, \
                 between entry to and return from each call."
            ),
            None => "Instructions: not counted, as valgrind is not installed (apt-get install \
                     valgrind)."
                .into(),
        },
    ];
    if !setting.peers.is_empty() {
        lines.push(format!("Peers: {}.", list(&setting.peers)));
    }
    lines.push(match setting.noise {
        Some(noise) => format!(
            "Null arm: {} was timed twice as if it were two; its worst ratio to itself is off by \
             {}. Smaller differences of time mean nothing.",
            Name::SUBJECT,
            percent(noise)
        ),
        None => "Null arm: not measured, as nothing of it was timed.".into(),
    });
    lines.push(
        "Every measurement has a process of its own. What the clock measures runs alone and in \
         turns; all else does not depend on time. Rows that an arm loses stay in."
            .into(),
    );
    lines
}

/// What is printed in the end: the targets, and what failed.
pub fn terminal(study: &Study) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_the_first_of_equals() {
        let [one, two, three] = ["talc", "rlsf", "buddy"].map(|name| name.parse().unwrap());
        let values = [(one, 2.0), (two, 1.0), (three, 2.0)];
        assert_eq!(extremes(values.into_iter()), Some([(two, 1.0), (one, 2.0)]));
        assert_eq!(extremes(std::iter::empty()), None);
    }

    #[test]
    fn lists_end_with_and() {
        let parts = ["a", "b", "c"].map(String::from);
        assert_eq!(list(&parts), "a, b and c");
        assert_eq!(list(&parts[..1]), "a");
    }
}
