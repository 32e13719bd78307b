//! Turns results into tables for people. Nothing is computed here.

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell as Field, CellAlignment, Color, Table as Grid, TableComponent};

use super::allocators::{Role, null_name};
use super::results::{Metric, Results, Row, Table};
use super::stats::{LEAST_NOISE, Spread, Verdict};
use super::suite::Unit;

/// How the tables are shown.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Colours and bold letters.
    pub colours: bool,
    /// A table for every row, with spreads, processor time and faults.
    pub detail: bool,
}

/// The whole report.
pub fn render(results: &Results, style: Style) -> String {
    let mut out = String::new();
    head(&mut out, results);
    for table in &results.suites {
        suite(&mut out, table, style);
    }
    out
}

/// `write!` to a string cannot fail.
macro_rules! line {
    ($out:expr, $($text:tt)*) => { let _ = writeln!($out, $($text)*); };
}

fn head(out: &mut String, results: &Results) {
    let settings = &results.settings;
    line!(out, "{}", results.machine.line());
    for (name, value) in &results.machine.tuning {
        line!(out, "set in the environment: {name}={value}");
    }
    line!(
        out,
        "interleaved rounds; seed {}{}",
        settings.seed,
        if settings.quick {
            "; quick: short runs, for a first look only"
        } else {
            ""
        }
    );
}

fn suite(out: &mut String, results: &Table, style: Style) {
    let (name, base) = (results.suite, &results.base);
    line!(out, "\n{name}, {} rounds", results.rounds);
    if style.detail {
        for row in &results.rows {
            section(out, &row.name, detail(results, row), style);
        }
    }
    for (metric, what) in [(Metric::Time, "Time"), (Metric::Peak, "Peak memory")] {
        let title = format!("{what} of {name}, ratio to {base}");
        section(out, &title, ratios(results, metric), style);
    }
    if results.subject().is_some() {
        for (metric, what) in [(Metric::Time, "Time"), (Metric::Peak, "Peak memory")] {
            let title = format!("{what} of {name}, against the best peer of each row");
            section(out, &title, versus(results, metric), style);
        }
    }
    let title = format!("All rows of {name}, geometric means of the ratios to {base}");
    section(out, &title, summaries(results), style);
    notes(out, results);
}

fn section(out: &mut String, title: &str, mut table: Grid, style: Style) {
    table.load_preset(NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    if style.colours {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    line!(out, "\n{title}\n{table}");
}

fn right(text: impl Into<String>) -> Field {
    Field::new(text.into()).set_alignment(CellAlignment::Right)
}

/// A long name on two lines, so that a column is as narrow as its figures.
fn broken(name: &str) -> String {
    name.replace('-', "-\n").replace('/', "/\n")
}

/// Marks the fields of the allocator that the comparison is about.
fn highlight(field: Field, role: Role) -> Field {
    if role == Role::Subject {
        field.add_attribute(Attribute::Bold).fg(Color::Cyan)
    } else {
        field
    }
}

fn ratio_text(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.2}")
    } else {
        format!("{ratio:.1}")
    }
}

/// Three significant figures, and no more digits than a nanosecond clock supports.
fn figure(value: f64) -> String {
    match value {
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 100.0 => format!("{value:.1}"),
        _ if value < 10_000.0 => format!("{value:.0}"),
        _ => format!("{:.0}k", value / 1e3),
    }
}

fn unit(results: &Table, metric: Metric) -> &'static str {
    match (metric, results.unit) {
        (Metric::Peak, _) => "MiB",
        (Metric::Time, Unit::Nanoseconds) => "ns",
        (Metric::Time, Unit::Milliseconds) => "ms",
    }
}

/// A time or a size in the unit of its metric.
fn amount(results: &Table, metric: Metric, value: f64) -> String {
    match (metric, results.unit) {
        (Metric::Peak, _) => figure(value / 1024.0),
        (Metric::Time, Unit::Nanoseconds) => figure(value),
        (Metric::Time, Unit::Milliseconds) => figure(value / 1e6),
    }
}

fn with_range(results: &Table, metric: Metric, spread: Spread) -> String {
    let [median, min, max] =
        [spread.median, spread.min, spread.max].map(|value| amount(results, metric, value));
    if min == max {
        median
    } else {
        format!("{median} ({min}–{max})")
    }
}

/// One row for each pattern: the base in its unit, everyone else as a ratio to it.
fn ratios(results: &Table, metric: Metric) -> Grid {
    let unit = unit(results, metric);
    let base = results.base();
    let others: Vec<_> = (0..results.allocators.len())
        .filter(|&at| at != base)
        .collect();
    let mut table = Grid::new();
    let mut header = vec![Field::new("row"), right(format!("{} {unit}", results.base))];
    header.extend(others.iter().map(|&at| {
        let arm = &results.allocators[at];
        highlight(right(broken(&arm.name)), arm.role)
    }));
    table.set_header(header);
    for row in &results.rows {
        let own = row.cells[base].spread(metric);
        let own = own.map_or_else(
            || failed(row, base),
            |spread| with_range(results, metric, spread),
        );
        let mut fields = vec![Field::new(&row.name), right(own)];
        let best = results.best_peer(row, metric);
        fields.extend(others.iter().map(|&at| {
            let ratio = results.ratio(row, at, metric);
            let text = ratio.map_or_else(|| failed(row, at), |spread| ratio_text(spread.median));
            let field = highlight(right(text), results.allocators[at].role);
            if best == Some(at) {
                field.add_attribute(Attribute::Underlined)
            } else {
                field
            }
        }));
        table.add_row(fields);
    }
    table
}

fn failed(row: &Row, column: usize) -> String {
    row.cells[column]
        .failure
        .as_ref()
        .map_or("–", |failure| &failure.what)
        .to_owned()
}

fn verdict_field(verdict: Verdict) -> Field {
    let field = Field::new(verdict.word());
    match verdict {
        Verdict::Ahead => field.fg(Color::Green),
        Verdict::Level => field,
        Verdict::Behind => field.fg(Color::Red),
    }
}

/// The subject and the best peer side by side.
fn versus(results: &Table, metric: Metric) -> Grid {
    let mut table = Grid::new();
    let subject = &results.allocators[results.subject().unwrap_or_default()].name;
    let unit = unit(results, metric);
    table.set_header([
        Field::new("row"),
        right(format!("{subject} {unit}")),
        right(format!("best {unit}")),
        Field::new("best peer"),
        right("ratio"),
        Field::new("verdict"),
    ]);
    for row in &results.rows {
        let fields = versus_fields(results, row, metric).into_iter();
        table.add_row([Field::new(&row.name)].into_iter().chain(fields));
    }
    table
}

fn versus_fields(results: &Table, row: &Row, metric: Metric) -> Vec<Field> {
    let subject = results.subject().unwrap_or_default();
    let text = |at: usize| {
        let spread = row.cells[at].spread(metric);
        spread.map_or_else(
            || failed(row, at),
            |spread| with_range(results, metric, spread),
        )
    };
    match results.versus(row, metric) {
        None => vec![
            right(text(subject)),
            right("–"),
            Field::new("–"),
            right("–"),
            Field::new("–"),
        ],
        Some(versus) => vec![
            highlight(right(text(subject)), Role::Subject),
            right(text(versus.best)),
            Field::new(&results.allocators[versus.best].name),
            right(ratio_text(versus.ratio.median)),
            verdict_field(versus.verdict),
        ],
    }
}

/// One line for each allocator.
fn summaries(results: &Table) -> Grid {
    let mut table = Grid::new();
    let names = ["time", "peak memory", "rows"].map(right);
    let header = [Field::new("allocator"), Field::new("version")]
        .into_iter()
        .chain(names);
    table.set_header(header);
    for (at, arm) in results.allocators.iter().enumerate() {
        let version = arm.version.as_deref().unwrap_or("unknown");
        let figures = match results.summary(at) {
            None => [
                "–".to_owned(),
                "–".to_owned(),
                format!("0/{}", results.rows.len()),
            ],
            Some(means) => [
                format!("{:.3}", means.time),
                format!("{:.3}", means.peak),
                format!("{}/{}", means.rows, results.rows.len()),
            ],
        };
        let fields = [Field::new(&arm.name), Field::new(version)];
        let fields = fields.into_iter().chain(figures.map(right));
        table.add_row(fields.map(|field| highlight(field, arm.role)));
    }
    table
}

/// Everything that was measured of one pattern.
fn detail(results: &Table, row: &Row) -> Grid {
    let mut table = Grid::new();
    let names = [
        unit(results, Metric::Time),
        "ratio",
        "MiB",
        "ratio",
        "user ms",
        "system ms",
        "faults",
    ]
    .map(right);
    table.set_header([Field::new("allocator")].into_iter().chain(names));
    for (at, (arm, cell)) in results.allocators.iter().zip(&row.cells).enumerate() {
        let mut fields = vec![Field::new(&arm.name)];
        for metric in [Metric::Time, Metric::Peak] {
            let own = cell
                .spread(metric)
                .map(|spread| with_range(results, metric, spread));
            let ratio = results.ratio(row, at, metric);
            let ratio = ratio.map(|ratio| {
                let [median, min, max] = [ratio.median, ratio.min, ratio.max].map(ratio_text);
                if min == max {
                    median
                } else {
                    format!("{median} ({min}–{max})")
                }
            });
            fields.push(right(own.unwrap_or_else(|| failed(row, at))));
            fields.push(right(ratio.unwrap_or_else(|| "–".into())));
        }
        let median = |of: fn(&super::worker::Sample) -> f64| {
            let spread = Spread::of(cell.samples.iter().map(of));
            right(spread.map_or_else(|| "–".into(), |spread| format!("{:.0}", spread.median)))
        };
        fields.push(median(|sample| sample.user_ms));
        fields.push(median(|sample| sample.system_ms));
        fields.push(median(|sample| {
            (sample.minor_faults + sample.major_faults) as f64
        }));
        table.add_row(fields.into_iter().map(|field| highlight(field, arm.role)));
    }
    table
}

/// What a reader must know, and what went wrong.
fn notes(out: &mut String, results: &Table) {
    let base = &results.base;
    line!(
        out,
        "\n{} Less is better everywhere. {} is {base} again: its distance from 1 is the noise.\n\
         A verdict needs a difference above that and above {:.0} %. Hardened builds do not count\n\
         as best peer. Peak memory is that of the whole process.",
        results.about,
        null_name(base),
        LEAST_NOISE * 100.0
    );
    for absent in &results.absent {
        line!(
            out,
            "not here: {} ({})",
            absent.name,
            absent.remedy.replace('\n', " ")
        );
    }
    for (row, allocator, failure) in results.failures() {
        line!(out, "failed: {allocator} in {row}: {failure}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::{example, whole};
    use super::*;

    const PLAIN: Style = Style {
        colours: false,
        detail: true,
    };

    #[test]
    fn a_report_holds_ratios_verdicts_failures_and_what_is_absent() {
        let text = render(&whole(), PLAIN);
        for wanted in [
            "0.50",
            "ahead",
            "behind",
            "SIGABRT",
            "not here: lost (find it)",
        ] {
            assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
        }
        assert!(
            text.contains("failed: quick in two: SIGABRT: double free"),
            "{text}"
        );
    }

    #[test]
    fn without_colours_there_are_no_escapes_and_with_them_there_are() {
        assert!(!render(&whole(), PLAIN).contains('\x1b'));
        assert!(
            render(
                &whole(),
                Style {
                    colours: true,
                    ..PLAIN
                }
            )
            .contains('\x1b')
        );
    }

    #[test]
    fn figures_have_three_digits() {
        assert_eq!([2.834, 28.34, 283.4].map(figure), ["2.83", "28.3", "283"]);
        assert_eq!([2834.4, 28344.0].map(figure), ["2834", "28k"]);
        assert_eq!(amount(&example(), Metric::Peak, 2048.0), "2.00");
    }
}
