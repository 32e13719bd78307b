//! Results for people: as text for a terminal, as a document, as a page. Nothing is computed here.

use maud::html;

use super::figures;
use super::results::Results;
use crate::page::parts::Section;
use crate::page::terminal::{self, Style};
use crate::page::{self, markdown};

/// For a terminal.
pub fn text(results: &Results, style: Style) -> String {
    let setting = figures::setting(results)
        .into_iter()
        .map(|line| line + "\n");
    let sections = sections(results);
    let sections = sections
        .iter()
        .map(|section| terminal::render(section, style));
    setting.chain(sections).collect()
}

/// For a document.
pub fn markdown(results: &Results) -> String {
    let setting = figures::setting(results)
        .into_iter()
        .map(|line| format!("- {line}\n"));
    let sections = sections(results);
    let head = "# Benchmarks\n\nMade by `glebe bench`; do not edit. Less is better everywhere.\n\n";
    [head.to_owned()]
        .into_iter()
        .chain(setting)
        .chain(sections.iter().map(markdown::render))
        .collect()
}

/// For a browser.
pub fn page(results: &Results) -> String {
    let before = html! {
        section {
            h2 { "How it was made" }
            ul { @for line in figures::setting(results) { li { (line) } } }
        }
    };
    page::render(
        "Benchmarks",
        "Glebe beside other allocators. Shorter bars are better.",
        &before,
        &sections(results),
        &html! {},
    )
}

fn sections(results: &Results) -> Vec<Section> {
    results.suites.iter().map(figures::section).collect()
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::whole;
    use super::*;
    use crate::page::assert_well_formed;

    const PLAIN: Style = Style {
        colours: false,
        detail: true,
    };

    #[test]
    fn a_report_holds_ratios_verdicts_failures_and_what_is_absent() {
        let found = [text(&whole(), PLAIN), page(&whole())];
        for wanted in [
            "0.50",
            "ahead in 1 rows, level in 0, behind in 1",
            "most in two (2.00)",
            "SIGABRT",
            "not here: lost (find it)",
            "failed: quick in two: SIGABRT: double free",
        ] {
            for text in &found {
                assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
            }
        }
    }

    #[test]
    fn without_colours_there_are_no_escapes_and_with_them_there_are() {
        assert!(!text(&whole(), PLAIN).contains('\x1b'));
        let bright = Style {
            colours: true,
            ..PLAIN
        };
        assert!(text(&whole(), bright).contains('\x1b'));
    }

    #[test]
    fn a_page_is_well_formed_and_loads_nothing() {
        let page = page(&whole());
        assert!(assert_well_formed(&page) > 100);
        assert!(page.contains("class=\"bar own\"") && !page.contains("http"));
    }
}
