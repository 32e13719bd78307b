//! The figures of a study as tables and plots, apart from how they are shown: a file for each
//! question, and in `parts` how arms become rows and bars.

mod cost;
mod fragmentation;
mod growth;
mod locality;
mod parts;
mod targets;

use super::results::Study;
use crate::page::parts::Section;

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
