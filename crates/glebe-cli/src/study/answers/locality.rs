//! Question c in words.

use super::compare::{by_policy, extremes, pool};
use crate::arms::{Fit, Name, Tags};
use crate::study::locality::Locality;
use crate::study::results::Study;
use crate::words::{figure, percent};

fn find(study: &Study, arm: Name) -> Option<&Locality> {
    let row = study.locality.iter().find(|row| row.arm == arm)?;
    Some(&row.found)
}

/// What `text` makes of the least and the most.
fn range(study: &Study, value: fn(&Locality) -> f64, text: fn(f64) -> String) -> Option<String> {
    let rows = study.locality.iter().filter(|row| !row.arm.has_supplier());
    let [least, most] = extremes(rows.map(|row| (row.arm, value(&row.found))))?;
    Some(format!(
        "{} ({}) to {} ({})",
        text(least.1),
        least.0,
        text(most.1),
        most.0
    ))
}

fn policies(study: &Study) -> Option<String> {
    let told = by_policy(|fit| {
        let found = find(study, pool(fit, Tags::Side))?;
        Some(format!(
            "{fit} {} lines, {} hits",
            figure(found.lines as f64),
            percent(found.near)
        ))
    })?;
    Some(format!(
        "Replacing young blocks touches distinct lines, and hits a cache of 32 KiB, as often as \
         the policy reuses memory soon: {told}. Over all arms it is {} lines, {} pages and {} \
         hits.",
        range(study, |found| found.lines as f64, figure)?,
        range(study, |found| found.pages as f64, figure)?,
        range(study, |found| found.near, percent)?
    ))
}

fn tags(study: &Study) -> Option<String> {
    let [side, inline] =
        [Tags::Side, Tags::Inline].map(|tags| find(study, pool(Fit::TwoLevel, tags)));
    let (side, inline) = (side?, inline?);
    Some(format!(
        "Headers push blocks apart: two-level touches {} lines on {} pages with inline tags, {} on \
         {} with side tags.",
        inline.lines, inline.pages, side.lines, side.pages
    ))
}

fn lists(study: &Study) -> Option<String> {
    Some(format!(
        "The other side of reuse: a list of 50 nodes that were born one after the other on an aged \
         heap lies scattered over the holes, on {} pages.",
        range(study, |found| found.list_pages, figure)?
    ))
}

/// Question c.
pub fn locality(study: &Study) -> Vec<String> {
    let what = "Locality: what is used together or soon again lies together, so that few lines and \
        pages serve it. An allocator helps by giving out again what was freed last, by putting \
        blocks that are born together side by side, and by not pushing them apart with headers.";
    let answers = [
        Some(what.to_owned()),
        policies(study),
        tags(study),
        lists(study),
    ];
    answers.into_iter().flatten().collect()
}
