//! The study as one HTML file that needs nothing else: styles inside, plots as inline SVG, light
//! and dark by the reader's own setting, no script.

mod lines;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::answers;
use super::figures;
use super::figures::parts::{Bars, Plot, Section, Table};
use super::results::Study;

const STYLE: &str = include_str!("style.css");
/// So many tables of a section are shown at once; the others unfold.
const OPEN_TABLES: usize = 2;

/// The whole page.
pub fn render(study: &Study) -> String {
    let sections = figures::sections(study);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Glebe: study of allocators" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Study of allocators" }
                    p { "Four questions, answered by measurement, and the pools’ targets." }
                    nav {
                        @for section in &sections {
                            a href={ "#" (section.id) } { "(" (section.id) ") " (section.title) }
                        }
                    }
                }
                main {
                    (setting(study))
                    @for section in &sections { (part(section)) }
                    @if !study.failures.is_empty() { (failures(study)) }
                }
            }
        }
    };
    page.into_string()
}

fn setting(study: &Study) -> Markup {
    html! {
        section {
            h2 { "How it was made" }
            ul { @for line in answers::setting(study) { li { (line) } } }
            p class="key" {
                span class="ours" { "This project’s arms" } " stand out. FIT,TAGS is a pool over a \
                fixed range; a third word names its supplier. A dash is a figure that is missing."
            }
        }
    }
}

fn part(section: &Section) -> Markup {
    html! {
        section id=(section.id) {
            h2 { "(" (section.id) ") " (section.title) }
            @for answer in &section.answers { p { (answer) } }
            details { summary { "Method" } p { (section.method) } }
            @if !section.plots.is_empty() {
                div class="plots" {
                    @for plot in &section.plots {
                        @match plot {
                            Plot::Lines(plot) => (lines::figure(plot)),
                            Plot::Bars(plot) => (bars(plot)),
                        }
                    }
                }
            }
            @for (number, each) in section.tables.iter().enumerate() {
                details open[number < OPEN_TABLES] { summary { (each.title) } (table(each)) }
            }
        }
    }
}

fn bars(plot: &Bars) -> Markup {
    let lengths = plot.bars.iter().map(|bar| bar.length);
    let most = lengths.fold(f64::MIN_POSITIVE, f64::max);
    html! {
        figure {
            figcaption { (plot.title) }
            div class="bars" {
                @for bar in &plot.bars {
                    span class=[bar.ours.then_some("ours")] { (bar.name) }
                    span class="track" {
                        span class=(if bar.ours { "bar own" } else { "bar" })
                            style=(format!("width:{:.1}%", bar.length / most * 100.0)) {}
                    }
                    span class="value" { (bar.text) }
                }
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    html! {
        div class="wide" tabindex="0" {
            table {
                thead { tr { @for head in &table.head { th scope="col" { (head) } } } }
                tbody {
                    @for row in &table.rows {
                        tr {
                            th scope="row" class=[row.ours.then_some("ours")] { (row.name) }
                            @for cell in &row.cells { td class=[verdict(cell)] { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

fn verdict(cell: &str) -> Option<&'static str> {
    match cell {
        "pass" | "ahead" => Some("good"),
        "fail" | "behind" => Some("bad"),
        _ => None,
    }
}

fn failures(study: &Study) -> Markup {
    html! {
        section {
            h2 { "Measurements that failed" }
            ul { @for failure in &study.failures { li { (failure.what) ": " (failure.why) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::arms::{Fit, Name, Peer};
    use crate::study::results::{CostRow, Failure};
    use html5gum::{Token, Tokenizer};
    use strum::VariantNames;

    const VOID: [&str; 2] = ["meta", "br"];

    fn study() -> Study {
        let mut study = Study::default();
        for arm in Name::all() {
            for live in [10, 1000, 100_000] {
                let row = CostRow {
                    nanoseconds: Some(live as f64 / 3.0),
                    alloc: Some(40.0),
                    free: Some(50.0),
                    given_up: (live == 1000).then(|| "took <too> long & more".into()),
                    ..CostRow::of(((arm, false), live))
                };
                study.costs.push(row);
            }
        }
        study.setting.valgrind = Some("valgrind-3".into());
        study.targets = crate::study::targets::judge(&study);
        let (what, why) = ("<x>".into(), "a & b".into());
        study.failures.push(Failure { what, why });
        study
    }

    /// Every tag that is opened is closed, in order, and the tokenizer finds no error.
    fn assert_well_formed(page: &str) -> usize {
        let mut open: Vec<String> = Vec::new();
        let mut tags = 0;
        for token in Tokenizer::new(page).flatten() {
            match token {
                Token::StartTag(tag) => {
                    tags += 1;
                    let name = String::from_utf8(tag.name.to_vec()).unwrap();
                    if !tag.self_closing && !VOID.contains(&name.as_str()) {
                        open.push(name);
                    }
                }
                Token::EndTag(tag) => {
                    let name = String::from_utf8(tag.name.to_vec()).unwrap();
                    assert_eq!(open.pop(), Some(name));
                }
                Token::Error(error) => panic!("{error:?}"),
                _ => {}
            }
        }
        assert_eq!(open, Vec::<String>::new());
        tags
    }

    #[test]
    fn every_line_has_a_colour() {
        let colours = Fit::VARIANTS.len() + Peer::VARIANTS.len();
        for colour in 0..colours {
            let [rule, value] = [format!(".line.c{colour} "), format!("--c{colour}: #")];
            assert!(STYLE.contains(&rule), "{rule}");
            assert_eq!(STYLE.matches(&value).count(), 2, "{value} light and dark");
        }
    }

    #[test]
    fn the_page_is_well_formed_and_escaped() {
        let page = render(&study());
        assert!(assert_well_formed(&page) > 300);
        assert!(
            page.contains("took &lt;too&gt; long &amp; more"),
            "cells are escaped"
        );
        assert!(
            page.contains("&lt;x&gt;: a &amp; b"),
            "failures are escaped"
        );
        assert!(
            page.contains("<svg") && !page.contains("http"),
            "nothing is loaded"
        );
    }

    #[test]
    fn a_study_of_nothing_is_a_page_too() {
        assert!(assert_well_formed(&render(&Study::default())) > 5);
    }
}
