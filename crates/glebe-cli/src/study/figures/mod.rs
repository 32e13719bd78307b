//! The figures of a study as tables and plots, apart from how they are shown: what they are made of
//! in `parts`, and a file for each question.

mod cost;
mod fragmentation;
mod growth;
mod locality;
pub mod parts;
mod targets;

use super::results::Study;
use parts::Section;

/// All parts that were measured.
pub fn sections(study: &Study) -> Vec<Section> {
    let all = [
        cost::section(study),
        fragmentation::section(study),
        locality::section(study),
        growth::section(study),
        targets::section(study),
    ];
    all.into_iter().flatten().collect()
}
