//! Question d in words.

use strum::IntoEnumIterator;

use super::compare::extremes;
use crate::arms::Name;
use crate::study::growth::{Growth, Pattern};
use crate::study::results::Study;
use crate::words::{figure, percent};

/// One way to grow: this project's pool beside the best and the worst.
fn pattern(study: &Study, pattern: Pattern) -> Option<String> {
    let rows = || {
        study
            .growth
            .iter()
            .filter(|row| row.pattern == pattern && !row.arm.has_supplier())
    };
    let [best, worst] = extremes(rows().map(|row| (row.arm, row.growth.copied_per_byte())))?;
    let subject = rows().find(|row| row.arm == Name::SUBJECT);
    let told = subject.map_or_else(String::new, |row| {
        let growth: &Growth = &row.growth;
        format!(
            "; {} {}, with {} of the calls in place",
            Name::SUBJECT,
            figure(growth.copied_per_byte()),
            percent(growth.avoided())
        )
    });
    Some(format!(
        "Bytes copied for each byte grown, {}: {} ({}) to {} ({}){told}.",
        pattern.about(),
        figure(best.1),
        best.0,
        figure(worst.1),
        worst.0
    ))
}

/// Question d.
pub fn growth(study: &Study) -> Vec<String> {
    let why = "A realloc serves whatever grows without knowing how far: strings, vectors, buffers \
        for input. It saves the copy, and the moment in which both blocks live, when the block can \
        grow where it is: into a free block behind it. An allocator that always moves copies \
        several times what it grows by.";
    let answers = Pattern::iter().filter_map(|each| pattern(study, each));
    [why.to_owned()].into_iter().chain(answers).collect()
}
