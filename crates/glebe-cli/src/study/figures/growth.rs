//! Question d as tables and a plot.

use strum::IntoEnumIterator;

use crate::arms::Name;
use crate::page::parts::{Bars, Row, Section, Table, distinct};
use crate::study::answers;
use crate::study::growth::{Growth, Pattern};
use crate::study::results::Study;
use crate::words::{figure, percent};

/// The section.
pub fn section(study: &Study) -> Option<Section> {
    if study.growth.is_empty() {
        return None;
    }
    let names = distinct(study.growth.iter().map(|row| row.arm));
    let find = |arm: Name, pattern: Pattern| {
        let mut rows = study.growth.iter();
        let row = rows.find(|row| row.arm == arm && row.pattern == pattern);
        row.map(|row| &row.growth)
    };
    let table = |title: &str, supplied: bool, text: fn(&Growth) -> String| {
        let line = |arm: &Name| {
            let cell = |pattern| find(*arm, pattern).map_or_else(|| "–".into(), text);
            Row::new(*arm, Pattern::iter().map(cell).collect())
        };
        let heads = Pattern::iter().map(|pattern| pattern.to_string());
        let names = names.iter().filter(|arm| arm.has_supplier() == supplied);
        Table::new(title, heads, names.map(line).collect())
    };
    let copied = |growth: &Growth| figure(growth.copied_per_byte());
    let avoided = |growth: &Growth| percent(growth.avoided());
    let in_all = |growth: &Growth| {
        let moved = growth.calls - growth.stayed;
        format!("{} in {moved} moves", figure(growth.copied as f64))
    };
    let per_byte = "Bytes copied for each byte grown";
    let stayed = "Calls without a move";
    let mut tables = vec![
        table(per_byte, false, copied),
        table(stayed, false, avoided),
        table("Bytes copied in all", false, in_all).detail(),
        table(&format!("{per_byte}, pools with a supplier"), true, copied).detail(),
        table(&format!("{stayed}, pools with a supplier"), true, avoided).detail(),
    ];
    tables.retain(|table| !table.rows.is_empty());
    let bars = |title: &str, pattern: Pattern| {
        let fixed = names.iter().filter(|arm| !arm.has_supplier());
        let copied = fixed.filter_map(|arm| Some((*arm, find(*arm, pattern)?.copied_per_byte())));
        Bars::plot(title, copied, figure)
    };
    let patterns: Vec<String> = Pattern::iter()
        .map(|pattern| format!("{pattern}: {}", pattern.about()))
        .collect();
    Some(Section {
        id: "d".into(),
        title: "(d) What realloc saves".into(),
        answers: answers::growth(study),
        method: format!(
            "Buffers grow by realloc ({}). A call that gives another address has moved its block \
            and copied what it held. The hosted engine can move whole pages without a copy; its \
            bytes are an upper bound.",
            patterns.join("; ")
        ),
        plots: vec![
            bars(
                "Bytes copied for each byte grown, two buffers in turn (less is better)",
                Pattern::Two,
            ),
            bars(
                "Bytes copied for each byte grown, 64 strings (less is better)",
                Pattern::Strings,
            ),
        ],
        tables,
    })
}
