//! Question e in words: how many targets hold, and what is lost to a peer.

use crate::bench::stats::Verdict;
use crate::study::results::Study;

/// Question e.
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
