//! Reports for people, made of [`parts`]: here as one HTML file that needs nothing else (styles
//! inside, plots as inline SVG, light and dark by the reader's own setting, no script), in
//! [`terminal`] as text, in [`markdown`] for documents.

mod lines;
pub mod markdown;
pub mod parts;
pub mod terminal;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use parts::{Bars, Plot, Section, Table};

/// How it looks. Colours of lines are `c0`, `c1` and so on.
pub const STYLE: &str = include_str!("style.css");
/// So many tables of a section are shown at once; the others unfold.
const OPEN_TABLES: usize = 2;

/// A page: a head, what stands before the sections, these, and what stands behind them.
pub fn render(
    title: &str,
    lead: &str,
    before: &Markup,
    sections: &[Section],
    behind: &Markup,
) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Glebe: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p { (lead) }
                    nav {
                        @for section in sections { a href={ "#" (section.id) } { (section.title) } }
                    }
                }
                main {
                    (before)
                    @for section in sections { (part(section)) }
                    (behind)
                }
            }
        }
    };
    page.into_string()
}

fn part(section: &Section) -> Markup {
    html! {
        section id=(section.id) {
            h2 { (section.title) }
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
    let ours = |column: Option<usize>| (column.is_some() && table.ours == column).then_some("ours");
    html! {
        div class="wide" tabindex="0" {
            table {
                thead { tr {
                    @for (at, head) in table.head.iter().enumerate() {
                        th scope="col" class=[ours(at.checked_sub(1))] { (head) }
                    }
                } }
                tbody {
                    @for row in &table.rows {
                        tr {
                            th scope="row" class=[row.ours.then_some("ours")] { (row.name) }
                            @for (at, cell) in row.cells.iter().enumerate() {
                                td class=[tone(cell).map(Tone::class).or(ours(Some(at)))] { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Whether a word says well or ill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Good,
    Bad,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
        }
    }
}

fn tone(cell: &str) -> Option<Tone> {
    match cell {
        "pass" | "ahead" => Some(Tone::Good),
        "fail" | "behind" => Some(Tone::Bad),
        _ => None,
    }
}

/// Every tag that is opened is closed, in order, and the tokenizer finds no error. How many there
/// are.
#[cfg(test)]
pub fn assert_well_formed(page: &str) -> usize {
    use html5gum::{Token, Tokenizer};
    const VOID: [&str; 2] = ["meta", "br"];
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
