//! Question a as tables and plots: instructions and time over the number of live blocks.

use std::collections::BTreeSet;

use strum::VariantNames;

use crate::arms::{Fit, Name, Tags};
use crate::page::parts::{Lines, Plot, Row, Section, Series, Table, cell, distinct};
use crate::study::answers;
use crate::study::results::{CostRow, Study};
use crate::words::{count, figure};

type Figure = fn(&CostRow) -> Option<f64>;
type Wanted = fn(Name) -> bool;

/// Colours of the pools' policies come first.
const FIRST_COLOUR_OF_PEERS: usize = Fit::VARIANTS.len();

const TIME: Figure = |row| row.nanoseconds;

fn is_fixed_pool(arm: Name) -> bool {
    matches!(arm, Name::Pool(..)) && arm.is_fixed()
}

fn is_peer_or_subject(arm: Name) -> bool {
    matches!(arm, Name::Peer(_)) || arm == Name::SUBJECT
}

fn table(study: &Study, title: &str, wanted: Wanted, value: Figure) -> Table {
    let rows = || study.costs.iter().filter(|row| wanted(row.arm));
    let lives: BTreeSet<usize> = rows().map(|row| row.live).collect();
    let lanes = distinct(rows().map(|row| (row.arm, row.null)));
    let line = |lane: (Name, bool)| {
        let at = |live: &usize| {
            let row = rows().find(|row| ((row.arm, row.null), row.live) == (lane, *live));
            cell(row.and_then(value), figure)
        };
        Row::of_lane(lane, lives.iter().map(at).collect())
    };
    let heads = lives.iter().map(|live| format!("{} live", count(*live)));
    Table::new(title, heads, lanes.into_iter().map(line).collect())
}

fn lines(
    study: &Study,
    title: &str,
    unit: &'static str,
    wanted: Wanted,
    value: Figure,
) -> Option<Plot> {
    let rows = || {
        study
            .costs
            .iter()
            .filter(|row| wanted(row.arm) && !row.null)
    };
    let mut next = FIRST_COLOUR_OF_PEERS;
    let series = distinct(rows().map(|row| row.arm)).into_iter().map(|arm| {
        let rows = rows().filter(|row| row.arm == arm);
        let mut points: Vec<(f64, f64)> = rows
            .filter_map(|row| Some((row.live as f64, value(row)?)))
            .collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (colour, dashed) = match arm {
            Name::Pool(fit, tags, _) => (fit as usize, tags == Tags::Inline),
            Name::Peer(_) => {
                next += 1;
                (next - 1, false)
            }
        };
        Series {
            name: arm.to_string(),
            colour,
            dashed,
            points,
        }
    });
    let series: Vec<Series> = series.filter(|line| line.points.len() > 1).collect();
    let title = title.into();
    (!series.is_empty()).then_some(Plot::Lines(Lines {
        title,
        unit,
        series,
    }))
}

/// Why figures are missing.
fn missing(study: &Study) -> Option<Table> {
    let rows = study.costs.iter().filter(|row| !row.null);
    let rows = rows.filter_map(|row| {
        let why = row.given_up.clone()?;
        Some(Row::new(row.arm, vec![count(row.live), why]))
    });
    let rows: Vec<Row> = rows.collect();
    let head = ["live", "why"].map(String::from);
    (!rows.is_empty()).then(|| Table::new("Cut off: figures that are missing", head, rows))
}

fn plots(study: &Study) -> Vec<Plot> {
    let pools: (&str, Wanted) = ("pools by policy and tags", is_fixed_pool);
    let others: (&str, Wanted) = ("engine and peers", is_peer_or_subject);
    let counted: (&str, Figure) = ("Instructions", CostRow::instructions);
    let timed: (&str, Figure) = ("Nanoseconds", TIME);
    let all = [
        (counted, pools),
        (counted, others),
        (timed, pools),
        (timed, others),
    ];
    all.into_iter()
        .filter_map(|((unit, value), (whose, wanted))| {
            let title = format!("{unit} of a pair, {whose}");
            lines(study, &title, unit, wanted, value)
        })
        .collect()
}

fn tables(study: &Study) -> Vec<Table> {
    let main: Wanted = |arm| !arm.has_supplier();
    let mut tables = Vec::new();
    if study.setting.valgrind.is_some() {
        let instructions = CostRow::instructions;
        tables.push(table(study, "Instructions of a pair", main, instructions));
        tables.push(table(study, "Of these, of alloc", main, |row| row.alloc).detail());
        tables.push(table(study, "Of these, of free", main, |row| row.free).detail());
        let title = "Instructions of a pair, pools with a supplier";
        tables.push(table(study, title, Name::has_supplier, instructions));
    }
    tables.push(table(study, "Nanoseconds of a pair", main, TIME));
    let title = "Nanoseconds of a pair, pools with a supplier";
    tables.push(table(study, title, Name::has_supplier, TIME).detail());
    tables.retain(|table| !table.rows.is_empty());
    tables.extend(missing(study));
    tables
}

/// The section.
pub fn section(study: &Study) -> Option<Section> {
    if study.costs.is_empty() {
        return None;
    }
    Some(Section {
        id: "a".into(),
        title: "(a) What alloc and free cost".into(),
        answers: answers::cost(study),
        method: "Twice as many blocks of 4 to 256 bytes are allocated as shall live, and a random \
            half of them is freed. Then random blocks are replaced: a pair is the free of one and \
            the alloc of another. Instructions are callgrind's, inside the two calls; times are \
            medians over all rounds. An arm that cannot age its heap within 4 seconds is cut off \
            at that number of live blocks, and so is one that finds no room: the last table names \
            them."
            .into(),
        plots: plots(study),
        tables: tables(study),
    })
}
