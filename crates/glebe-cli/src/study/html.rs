//! The study as a page.

use maud::{Markup, html};

use super::answers;
use super::figures;
use super::results::Study;
use crate::page;

/// The whole page.
pub fn render(study: &Study) -> String {
    page::render(
        "Study of allocators",
        "Four questions, answered by measurement, and the pools’ targets.",
        &setting(study),
        &figures::sections(study),
        &failures(study),
    )
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

fn failures(study: &Study) -> Markup {
    html! {
        @if !study.failures.is_empty() {
            section {
                h2 { "Measurements that failed" }
                ul { @for failure in &study.failures { li { (failure.what) ": " (failure.why) } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arms::{Fit, Name, Peer};
    use crate::page::{STYLE, assert_well_formed};
    use crate::study::results::{CostRow, Failure};
    use strum::VariantNames;

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
