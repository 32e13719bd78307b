//! The targets as tables, and every row of talc's kind of benchmarks against the best peer, won or
//! lost.

use std::collections::BTreeSet;

use crate::arms::Name;
use crate::page::parts::{Row, Section, Table, cell, distinct};
use crate::study::answers;
use crate::study::efficiency;
use crate::study::results::Study;
use crate::words::{count, percent};

fn verdicts(study: &Study) -> Table {
    let rows = study.targets.iter().map(|target| {
        let verdict = match target.holds {
            Some(true) => "pass",
            Some(false) => "fail",
            None => "–",
        };
        let cells = vec![
            verdict.into(),
            target.measured.clone(),
            target.best_peer.clone(),
        ];
        Row {
            name: target.what.clone(),
            ours: false,
            cells,
        }
    });
    Table::of_rows(
        format!("Targets of {}", Name::SUBJECT),
        ["target", "verdict", "measured", "best peer"],
        rows.collect(),
    )
}

fn duels(study: &Study) -> Table {
    let rows = study.duels.iter().map(|duel| {
        let cells = vec![
            duel.verdict.word().into(),
            duel.measured.clone(),
            duel.best_peer.clone(),
            format!("{:.2} ×", duel.ratio),
        ];
        Row {
            name: duel.what.clone(),
            ours: false,
            cells,
        }
    });
    Table::of_rows(
        format!(
            "{} against the best peer of each row (a ratio above 1 is better)",
            Name::SUBJECT
        ),
        ["row", "verdict", "measured", "best peer", "ratio"],
        rows.collect(),
    )
}

fn fullness(study: &Study) -> Table {
    let rows = study.fullness.iter().map(|row| {
        let found = &row.found;
        let pages = found.pages.to_string();
        let cells = vec![
            cell(found.small, percent),
            cell(found.large, percent),
            pages,
        ];
        Row::new(row.arm, cells)
    });
    let head = ["4–256 B", "to 10 kB, realloc to 100 kB", "pages of 4096"];
    Table::new(
        "How full a range gets",
        head.map(String::from),
        rows.collect(),
    )
}

fn actions(study: &Study) -> Table {
    let mosts: BTreeSet<usize> = study.actions.iter().map(|row| row.most).collect();
    let lanes = distinct(study.actions.iter().map(|row| (row.arm, row.null)));
    let rows = lanes.into_iter().map(|lane| {
        let at = |most: &usize| {
            let mut rows = study.actions.iter();
            let row = rows.find(|row| ((row.arm, row.null), row.most) == (lane, *most));
            cell(row.map(|row| row.per_second / 1e6), |value| {
                format!("{value:.2}")
            })
        };
        Row::of_lane(lane, mosts.iter().map(at).collect())
    });
    let heads = mosts.iter().map(|most| format!("to {} B", count(*most)));
    Table::new("Random actions, millions a second", heads, rows.collect())
}

/// The section.
pub fn section(study: &Study) -> Option<Section> {
    if study.targets.is_empty() {
        return None;
    }
    let mut tables = vec![
        verdicts(study),
        duels(study),
        fullness(study),
        actions(study),
    ];
    tables.retain(|table| !table.rows.is_empty());
    Some(Section {
        id: "e".into(),
        title: "(e) Targets, and talc’s kind of benchmark".into(),
        answers: answers::targets(study),
        method: format!(
            "Talc's kind of benchmarks. A range is filled by random actions (five allocs, a free, \
            four reallocs of ten) until the first refusal: 4 to 256 B in 16 MiB; up to 10 kB, \
            reallocations up to 100 kB, in 128 MiB as talc has it. A fill that takes over {} \
            seconds is cut off. Pages: blocks of 4096 bytes at multiples of 4096 in a range of \
            {} such pages. Throughput: random actions with about 300 blocks live, up to 200 B … \
            30 kB and reallocations to three times that; the geometric mean counts. The best \
            peer may be another one in each row. The engine, which has the whole system's \
            memory, is no peer.",
            efficiency::LIMIT.as_secs(),
            efficiency::PAGES
        ),
        plots: Vec::new(),
        tables,
    })
}
