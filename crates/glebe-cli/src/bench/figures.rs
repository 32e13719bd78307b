//! The figures of a suite as words, tables and plots, apart from how they are shown.

use super::allocators::{Role, null_name};
use super::results::{Cell, Metric, Overall, Results, Row, Table};
use super::stats::{LEAST_NOISE, Spread};
use super::suite::Unit;
use super::worker::Sample;
use crate::page::parts::{self, Bar, Bars, Plot, Section, cell};
use crate::words::figure;

const METRICS: [(Metric, &str); 2] = [(Metric::Time, "Time"), (Metric::Peak, "Peak memory")];

/// Where and how all was measured, a line each.
pub fn setting(results: &Results) -> Vec<String> {
    let mut lines = vec![results.machine.line()];
    let tuning = results.machine.tuning.iter();
    lines.extend(tuning.map(|(name, value)| format!("set in the environment: {name}={value}")));
    let quick = match results.settings.quick {
        true => "; quick: short runs, for a first look only",
        false => "",
    };
    lines.push(format!(
        "interleaved rounds; seed {}{quick}",
        results.settings.seed
    ));
    lines
}

/// All of a suite.
pub fn section(table: &Table) -> Section {
    Section {
        id: table.suite.clone(),
        title: format!("{}, {} rounds", table.suite, table.rounds),
        answers: answers(table),
        method: method(table),
        plots: plots(table),
        tables: tables(table),
    }
}

/// What a reader must know.
fn method(table: &Table) -> String {
    format!(
        "{} Less is better everywhere. {} is {} again: its distance from 1 is the noise. A verdict \
         needs a difference above that and above {:.0} %. Hardened builds do not count as best \
         peer. Peak memory is that of the whole process.",
        table.about,
        null_name(&table.base),
        table.base,
        LEAST_NOISE * 100.0
    )
}

/// How the subject stands, and what went wrong.
fn answers(table: &Table) -> Vec<String> {
    let overall = METRICS.iter().filter_map(|(metric, what)| {
        let Overall {
            mean,
            worst,
            counts: [ahead, level, behind],
        } = table.overall(*metric)?;
        Some(format!(
            "{what} against the best peer of each row: {mean:.3}, the geometric mean; most in \
             {} ({:.2}); ahead in {ahead} rows, level in {level}, behind in {behind}.",
            worst.0, worst.1
        ))
    });
    let absent = table.absent.iter().map(|absent| {
        format!(
            "not here: {} ({})",
            absent.name,
            absent.remedy.replace('\n', " ")
        )
    });
    let failed = table
        .failures()
        .map(|(row, allocator, failure)| format!("failed: {allocator} in {row}: {failure}"));
    overall.chain(absent).chain(failed).collect()
}

fn tables(table: &Table) -> Vec<parts::Table> {
    let versus = table
        .subject()
        .map(|subject| METRICS.map(|metric| versus(table, subject, metric)));
    let detail = table.rows.iter().map(|row| detail(table, row));
    [summaries(table)]
        .into_iter()
        .chain(versus.into_iter().flatten())
        .chain(table.rows.iter().filter_map(|row| latencies(table, row)))
        .chain(METRICS.map(|metric| ratios(table, metric)))
        .chain(detail)
        .collect()
}

/// Means over all rows, then each row.
fn plots(table: &Table) -> Vec<Plot> {
    let means = METRICS.iter().map(|(metric, what)| {
        let title = format!("{what}, geometric mean of the ratios to {}", table.base);
        bars(
            table,
            title,
            |at| table.summary(at).map(|means| means.of(*metric)),
            ratio_text,
        )
    });
    let rows = table.rows.iter().map(|row| {
        let title = format!("{}, {}", row.name, unit(table, Metric::Time));
        let value = |at: usize| Some(row.cells[at].spread(Metric::Time)?.median);
        bars(table, title, value, |value| {
            amount(table, Metric::Time, value)
        })
    });
    means.chain(rows).collect()
}

fn bars(
    table: &Table,
    title: String,
    value: impl Fn(usize) -> Option<f64>,
    text: impl Fn(f64) -> String,
) -> Plot {
    let bars = table.allocators.iter().enumerate().filter_map(|(at, arm)| {
        let length = value(at)?;
        Some(Bar {
            name: arm.name.clone(),
            ours: arm.role == Role::Subject,
            length,
            text: text(length),
        })
    });
    Plot::Bars(Bars {
        title,
        bars: bars.collect(),
    })
}

fn ratio_text(ratio: f64) -> String {
    match ratio {
        _ if ratio < 10.0 => format!("{ratio:.2}"),
        _ => format!("{ratio:.1}"),
    }
}

fn unit(table: &Table, metric: Metric) -> &'static str {
    match (metric, table.unit) {
        (Metric::Peak, _) => "MiB",
        (Metric::Time, Unit::Nanoseconds) => "ns",
        (Metric::Time, Unit::Milliseconds) => "ms",
    }
}

/// A time or a size in the unit of its metric.
fn amount(table: &Table, metric: Metric, value: f64) -> String {
    match (metric, table.unit) {
        (Metric::Peak, _) => figure(value / 1024.0),
        (Metric::Time, Unit::Nanoseconds) => figure(value),
        (Metric::Time, Unit::Milliseconds) => figure(value / 1e6),
    }
}

fn with_range(spread: Spread, text: impl Fn(f64) -> String) -> String {
    let [median, min, max] = [spread.median, spread.min, spread.max].map(text);
    match min == max {
        true => median,
        false => format!("{median} ({min}–{max})"),
    }
}

/// What a cell has, with its range, or how it failed.
fn own(table: &Table, row: &Row, at: usize, metric: Metric) -> String {
    let spread = row.cells[at].spread(metric);
    spread.map_or_else(
        || failed(row, at),
        |spread| with_range(spread, |value| amount(table, metric, value)),
    )
}

fn failed(row: &Row, at: usize) -> String {
    let failure = row.cells[at].failure.as_ref();
    failure.map_or("–", |failure| &failure.what).to_owned()
}

/// A row for each row of the suite: the base in its unit, everyone else as a ratio to it.
fn ratios(table: &Table, (metric, what): (Metric, &str)) -> parts::Table {
    let base = table.base();
    let others: Vec<_> = (0..table.allocators.len())
        .filter(|&at| at != base)
        .collect();
    let heads = others.iter().map(|&at| table.allocators[at].name.clone());
    let rows = table.rows.iter().map(|row| {
        let ratio = |&at: &usize| {
            let ratio = table.ratio(row, at, metric);
            ratio.map_or_else(|| failed(row, at), |ratio| ratio_text(ratio.median))
        };
        let cells = std::iter::once(own(table, row, base, metric)).chain(others.iter().map(ratio));
        parts::Row::plain(&row.name, cells)
    });
    let subject = table.subject();
    parts::Table {
        title: format!("{what}, ratio to {}", table.base),
        head: [
            "row".into(),
            format!("{} {}", table.base, unit(table, metric)),
        ]
        .into_iter()
        .chain(heads)
        .collect(),
        rows: rows.collect(),
        // One column further, behind the base.
        ours: others
            .iter()
            .position(|&at| Some(at) == subject)
            .map(|place| place + 1),
        detail: false,
    }
}

/// The subject and the best peer side by side.
fn versus(table: &Table, subject: usize, (metric, what): (Metric, &str)) -> parts::Table {
    let unit = unit(table, metric);
    let rows = table.rows.iter().map(|row| {
        let text = |at| own(table, row, at, metric);
        let cells = match table.versus(row, metric) {
            None => [
                text(subject),
                "–".into(),
                "–".into(),
                "–".into(),
                "–".into(),
            ],
            Some(versus) => [
                text(subject),
                text(versus.best),
                table.allocators[versus.best].name.clone(),
                ratio_text(versus.ratio.median),
                versus.verdict.word().into(),
            ],
        };
        parts::Row::plain(&row.name, cells)
    });
    let own = format!("{} {unit}", table.allocators[subject].name);
    parts::Table {
        title: format!("{what}, against the best peer of each row"),
        head: [
            "row",
            &own,
            &format!("best {unit}"),
            "best peer",
            "ratio",
            "verdict",
        ]
        .map(String::from)
        .into(),
        rows: rows.collect(),
        ours: Some(0),
        detail: false,
    }
}

/// One line for each allocator.
fn summaries(table: &Table) -> parts::Table {
    let rows = table.allocators.iter().enumerate().map(|(at, arm)| {
        let means = table.summary(at);
        let mean = |metric| {
            cell(means.map(|means| means.of(metric)), |mean| {
                format!("{mean:.3}")
            })
        };
        let cells = [
            arm.version.clone().unwrap_or_else(|| "unknown".into()),
            mean(Metric::Time),
            mean(Metric::Peak),
            format!(
                "{}/{}",
                means.map_or(0, |means| means.rows),
                table.rows.len()
            ),
        ];
        parts::Row {
            name: arm.name.clone(),
            ours: arm.role == Role::Subject,
            cells: cells.into(),
        }
    });
    parts::Table::of_rows(
        format!("All rows, geometric means of the ratios to {}", table.base),
        ["allocator", "version", "time", "peak memory", "rows"],
        rows.collect(),
    )
}

/// How long single calls of a row took, if they were timed.
fn latencies(table: &Table, row: &Row) -> Option<parts::Table> {
    row.cells.iter().find_map(Cell::latency)?;
    let rows = table.allocators.iter().zip(&row.cells).enumerate();
    let rows = rows.map(|(at, (arm, cell))| parts::Row {
        name: arm.name.clone(),
        ours: arm.role == Role::Subject,
        cells: match cell.latency() {
            None => vec![failed(row, at)],
            Some(functions) => functions.concat().into_iter().map(figure).collect(),
        },
    });
    let quantiles = ["malloc", "free"].into_iter().flat_map(|function| {
        ["p50", "p99", "p99.9", "longest"].map(|name| format!("{function} {name}"))
    });
    let title = format!(
        "{}: single calls in ns with a reading of the clock, medians over the rounds",
        row.name
    );
    Some(parts::Table {
        title,
        head: ["allocator".into()].into_iter().chain(quantiles).collect(),
        rows: rows.collect(),
        ours: None,
        detail: false,
    })
}

/// Everything that was measured of one row.
fn detail(table: &Table, row: &Row) -> parts::Table {
    let rows = table
        .allocators
        .iter()
        .zip(&row.cells)
        .enumerate()
        .map(|(at, (arm, samples))| {
            let figures = METRICS.iter().flat_map(|(metric, _)| {
                let ratio = table.ratio(row, at, *metric);
                let ratio = ratio.map(|ratio| with_range(ratio, ratio_text));
                [
                    own(table, row, at, *metric),
                    ratio.unwrap_or_else(|| "–".into()),
                ]
            });
            let median = |of: fn(&Sample) -> f64| {
                let spread = Spread::of(samples.samples.iter().map(of));
                cell(spread, |spread| format!("{:.0}", spread.median))
            };
            let costs = [
                median(|sample| sample.user_ms),
                median(|sample| sample.system_ms),
                median(|sample| (sample.minor_faults + sample.major_faults) as f64),
            ];
            parts::Row {
                name: arm.name.clone(),
                ours: arm.role == Role::Subject,
                cells: figures.chain(costs).collect(),
            }
        });
    let time = unit(table, Metric::Time);
    parts::Table::of_rows(
        row.name.clone(),
        [
            "allocator",
            time,
            "ratio",
            "MiB",
            "ratio",
            "user ms",
            "system ms",
            "faults",
        ],
        rows.collect(),
    )
    .detail()
}
