//! Question b in words.

use strum::IntoEnumIterator;

use super::compare::{by_policy, extremes, pool};
use crate::arms::{Fit, Name, Tags};
use crate::study::ageing::Fixed;
use crate::study::results::Study;
use crate::words::percent;

fn mean(study: &Study, arm: Name, value: fn(&Fixed) -> f64) -> Option<f64> {
    study.mean_life(arm, |row| Some(value(row.aged.fixed.as_ref()?)))
}

/// Means of the arms over a fixed range of which this holds.
fn means(
    study: &Study,
    value: fn(&Fixed) -> f64,
    wanted: impl Fn(Name) -> bool,
) -> Vec<(Name, f64)> {
    let arms = Name::all().into_iter().filter(|arm| wanted(*arm));
    arms.filter_map(|arm| Some((arm, mean(study, arm, value)?)))
        .collect()
}

fn efficiency(study: &Study) -> Option<String> {
    let value: fn(&Fixed) -> f64 = |fixed| fixed.efficiency;
    let told = |whose: &str, ours: bool| {
        let all = means(study, value, |arm| arm.is_ours() == ours);
        let [least, most] = extremes(all.into_iter())?;
        Some(format!(
            "{whose} {} ({}) to {} ({})",
            percent(least.1),
            least.0,
            percent(most.1),
            most.0
        ))
    };
    let both: Vec<String> = [("pools", true), ("peers", false)]
        .into_iter()
        .filter_map(|(whose, ours)| told(whose, ours))
        .collect();
    (!both.is_empty()).then(|| {
        format!(
            "An aged range, filled on to the first failure, holds as requested of its bytes, in \
             the mean of all lives: {}.",
            both.join(", ")
        )
    })
}

fn external(study: &Study) -> Option<String> {
    let value: fn(&Fixed) -> f64 = |fixed| fixed.external;
    let told = by_policy(|fit| {
        let mean = mean(study, pool(fit, Tags::Side), value)?;
        Some(format!("{fit} {}", percent(mean)))
    })?;
    let rows = study.ageing.iter();
    let worst = rows
        .filter_map(|row| Some((row, value(row.aged.fixed.as_ref()?))))
        .max_by(|one, other| one.1.total_cmp(&other.1))?;
    Some(format!(
        "External fragmentation, the share of the free bytes that lie outside the largest free \
         block, is with side tags: {told}. The worst of all is {} of {} in the life `{}`.",
        percent(worst.1),
        worst.0.arm,
        worst.0.lifetimes
    ))
}

fn internal(study: &Study) -> Option<String> {
    let value: fn(&Fixed) -> f64 = |fixed| fixed.internal;
    let tagged = [Tags::Side, Tags::Inline].map(|tags| pool(Fit::TwoLevel, tags));
    let [side, inline] = tagged.map(|arm| mean(study, arm, value));
    let mut told = format!(
        "Internal fragmentation with requests to 4 KiB: {} with side tags, {} with inline tags",
        percent(side?),
        percent(inline?)
    );
    let peers = means(study, value, |arm| !arm.is_ours());
    if let Some([least, most]) = extremes(peers.into_iter()) {
        told += &format!(
            "; peers {} ({}) to {} ({})",
            percent(least.1),
            least.0,
            percent(most.1),
            most.0
        );
    }
    let small = |arm: Name| {
        let row = study.fullness.iter().find(|row| row.arm == arm)?;
        row.found.small
    };
    if let [Some(side), Some(inline)] = tagged.map(small) {
        told += &format!(
            ". The smaller the blocks, the more a header weighs: with 4 to 256 B a range holds {} \
             with side tags and {} with inline tags (question e)",
            percent(side),
            percent(inline)
        );
    }
    Some(told + ".")
}

fn suppliers(study: &Study) -> Option<String> {
    let arms: Vec<Name> = Name::all()
        .into_iter()
        .filter(|arm| !arm.is_fixed())
        .collect();
    let held = arms
        .iter()
        .filter_map(|arm| Some((*arm, study.mean_life(*arm, |row| row.aged.held)?)));
    let [least, most] = extremes(held)?;
    Some(format!(
        "Arms that get their memory from a supplier hold at the end between {:.2} ({}) and {:.2} \
         ({}) bytes for each byte requested, of about 1.2 MiB.",
        least.1, least.0, most.1, most.0
    ))
}

fn advice(study: &Study) -> Option<String> {
    let value: fn(&Fixed) -> f64 = |fixed| fixed.efficiency;
    let fits = Fit::iter().filter_map(|fit| {
        Some((
            pool(fit, Tags::Side),
            mean(study, pool(fit, Tags::Side), value)?,
        ))
    });
    let [least, most] = extremes(fits)?;
    Some(format!(
        "How to lose less: take a block that fits closely or lies low, so that large ones stay \
         whole ({} instead of {} gains {:.1} points of the range), join free neighbours at once, \
         and keep the records beside the land instead of in every block.",
        most.0,
        least.0,
        (most.1 - least.1) * 100.0
    ))
}

/// Question b.
pub fn fragmentation(study: &Study) -> Vec<String> {
    let answers = [
        efficiency(study),
        external(study),
        internal(study),
        suppliers(study),
        advice(study),
    ];
    answers.into_iter().flatten().collect()
}
