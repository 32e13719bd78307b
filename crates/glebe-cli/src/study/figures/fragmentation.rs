//! Question b as tables and plots.

use strum::IntoEnumIterator;

use crate::arms::Name;
use crate::page::parts::{Bars, Plot, Row, Section, Table, cell, distinct};
use crate::study::ageing::{self, Fixed, Lifetimes};
use crate::study::answers;
use crate::study::results::{AgeRow, Study};
use crate::words::{figure, percent};

const KIB: fn(&Fixed) -> f64 = |fixed| fixed.largest as f64 / 1024.0;

fn by_lifetime(
    study: &Study,
    title: &str,
    wanted: impl Fn(Name) -> bool,
    value: impl Fn(&AgeRow) -> Option<f64>,
    text: impl Fn(f64) -> String,
) -> Table {
    let line = |arm: Name| {
        let at = |life: Lifetimes| {
            let mut rows = study.ageing.iter();
            let row = rows.find(|row| row.arm == arm && row.lifetimes == life);
            cell(row.and_then(&value), &text)
        };
        Row::new(arm, Lifetimes::iter().map(at).collect())
    };
    let names = distinct(
        study
            .ageing
            .iter()
            .map(|row| row.arm)
            .filter(|arm| wanted(*arm)),
    );
    let heads = Lifetimes::iter().map(|life| life.to_string());
    Table::new(title, heads, names.into_iter().map(line).collect())
}

fn plots(study: &Study) -> Vec<Plot> {
    let names = distinct(study.ageing.iter().map(|row| row.arm));
    let bars = |title: &str, value: fn(&Fixed) -> f64| {
        let mean = |arm: &Name| {
            let mean = study.mean_life(*arm, |row| Some(value(row.aged.fixed.as_ref()?)))?;
            Some((*arm, mean))
        };
        Bars::plot(title, names.iter().filter_map(mean), percent)
    };
    let mut plots = vec![
        bars(
            "Efficiency at first failure, mean of all lives (more is better)",
            |fixed| fixed.efficiency,
        ),
        bars("Internal fragmentation (less is better)", |fixed| {
            fixed.internal
        }),
        bars(
            "External fragmentation, mean of all lives (less is better)",
            |fixed| fixed.external,
        ),
    ];
    plots.retain(|plot| !matches!(plot, Plot::Bars(bars) if bars.bars.is_empty()));
    plots
}

/// How many operations the arm was to do.
fn wanted_ops(study: &Study, row: &AgeRow) -> u64 {
    study.setting.ops[usize::from(!row.arm.is_fixed())]
}

/// A row for each arm over a fixed range: means over its lives.
fn means(study: &Study) -> Table {
    let line = |arm: Name| {
        let mean = |value: fn(&Fixed) -> f64, text: fn(f64) -> String| {
            let mean = study.mean_life(arm, |row| Some(value(row.aged.fixed.as_ref()?)));
            cell(mean, text)
        };
        let cells = vec![
            mean(|fixed| fixed.internal, percent),
            mean(|fixed| fixed.external, percent),
            mean(KIB, figure),
            mean(|fixed| fixed.efficiency, percent),
        ];
        Row::new(arm, cells)
    };
    let names = distinct(study.ageing.iter().map(|row| row.arm));
    let rows = names.into_iter().filter(|arm| arm.is_fixed()).map(line);
    let head = [
        "internal",
        "external",
        "largest free block, KiB",
        "efficiency at first failure",
    ];
    let title = "Fragmentation, means over all lives";
    Table::new(title, head.map(String::from), rows.collect())
}

fn tables(study: &Study) -> Vec<Table> {
    let share = |title: &str, value: fn(&Fixed) -> f64, text: fn(f64) -> String| {
        let value = |row: &AgeRow| Some(value(row.aged.fixed.as_ref()?));
        by_lifetime(study, title, Name::is_fixed, value, text)
    };
    let held = |title: &str, value: fn(&AgeRow) -> Option<f64>| {
        let times = |value: f64| format!("{value:.2} ×");
        by_lifetime(study, title, |arm| !arm.is_fixed(), value, times)
    };
    let title = "Operations refused for want of room";
    let refused = |row: &AgeRow| Some(row.aged.refused as f64);
    let refused = by_lifetime(study, title, Name::is_fixed, refused, |value| {
        format!("{value:.0}")
    });
    let late = |row: &&AgeRow| row.aged.ops < wanted_ops(study, row);
    let late = distinct(study.ageing.iter().filter(late).map(|row| row.arm));
    let title = "Cut off: millions of operations done, of arms that ran out of time";
    let done = |row: &AgeRow| Some(row.aged.ops as f64 / 1e6);
    let done = by_lifetime(study, title, |arm| late.contains(&arm), done, figure);
    let mut tables = vec![
        means(study),
        share(
            "Efficiency at first failure",
            |fixed| fixed.efficiency,
            percent,
        )
        .detail(),
        share("External fragmentation", |fixed| fixed.external, percent).detail(),
        share("Largest free block, KiB", KIB, figure).detail(),
        refused.detail(),
        held("Bytes held / requested at the end", |row| row.aged.held),
        held("Most bytes held / most requested", |row| row.aged.peak).detail(),
        done,
    ];
    tables.retain(|table| !table.rows.is_empty());
    tables
}

/// The section.
pub fn section(study: &Study) -> Option<Section> {
    if study.ageing.is_empty() {
        return None;
    }
    let [fixed_ops, supplied_ops] = study.setting.ops.map(|ops| figure(ops as f64));
    let lives: Vec<String> = Lifetimes::iter()
        .map(|life| format!("{life}: {}", life.about()))
        .collect();
    Some(Section {
        id: "b".into(),
        title: "(b) Fragmentation".into(),
        answers: answers::fragmentation(study),
        method: format!(
            "Lives of {fixed_ops} operations in a range of {} MiB ({supplied_ops} for arms with a \
            supplier), requests of 4 B to 4 KiB, about 60 % of the range live as requested. Which \
            block goes next tells the lives apart ({}). Internal: what a fresh range that is \
            filled to the first refusal does not give to its user, all records included. Largest \
            free block: found from outside by bisection. External: 1 − largest / free bytes. \
            Efficiency: the aged range is filled on until the first failure; live bytes as \
            requested / range. All arms are seen from outside, so that the figures mean the same \
            for each. A life ends after {} seconds, done or not; the last table names those that \
            were not.",
            ageing::RANGE >> 20,
            lives.join("; "),
            ageing::LIMIT.as_secs()
        ),
        plots: plots(study),
        tables: tables(study),
    })
}
