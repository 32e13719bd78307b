//! Question a in words.

use strum::IntoEnumIterator;

use super::compare::{by_policy, extremes, pool};
use crate::arms::{Fit, Name, Peer, Supplier, Tags};
use crate::study::results::{CostRow, Study};
use crate::words::{count, figure, list};

/// Growth below this is none.
const FLAT: f64 = 1.5;

/// Costs of pairs in the best unit that was measured.
struct Costs<'a> {
    study: &'a Study,
    counted: bool,
}

impl Costs<'_> {
    fn of(study: &Study) -> Costs<'_> {
        let counted = study.costs.iter().any(|row| row.alloc.is_some());
        Costs { study, counted }
    }

    fn unit(&self) -> &'static str {
        match self.counted {
            true => "instructions",
            false => "nanoseconds",
        }
    }

    fn value(&self, row: &CostRow) -> Option<f64> {
        match self.counted {
            true => row.instructions(),
            false => row.nanoseconds,
        }
    }

    /// Live blocks and cost, the fewest first.
    fn points(&self, arm: Name) -> Vec<(usize, f64)> {
        let rows = self
            .study
            .costs
            .iter()
            .filter(|row| row.arm == arm && !row.null);
        let mut points: Vec<(usize, f64)> = rows
            .filter_map(|row| Some((row.live, self.value(row)?)))
            .collect();
        points.sort_by_key(|point| point.0);
        points
    }

    fn at(&self, arm: Name, live: usize) -> Option<f64> {
        let points = self.points(arm);
        points
            .iter()
            .find(|point| point.0 == live)
            .map(|point| point.1)
    }

    /// The most live blocks at which all of these have a cost.
    fn most_live(&self, arms: &[Name]) -> Option<usize> {
        let mut lives: Vec<usize> = self.study.costs.iter().map(|row| row.live).collect();
        lives.sort_unstable();
        let all = |live: &usize| arms.iter().all(|arm| self.at(*arm, *live).is_some());
        lives.into_iter().rev().find(all)
    }

    /// `337 with 10 live, 178 with 1M`, and how much it grows.
    fn course(&self, arm: Name) -> Option<String> {
        let points = self.points(arm);
        let (few, low) = *points.first()?;
        let (many, high) = *points.last()?;
        let growth = match high / low {
            ratio if ratio < FLAT => "it does not grow".into(),
            ratio => format!("{ratio:.1} times as much"),
        };
        Some(format!(
            "{arm} {} with {} live, {} with {} ({growth})",
            figure(low),
            count(few),
            figure(high),
            count(many)
        ))
    }
}

/// Whether the policy's cost grows.
fn policies(costs: &Costs) -> Option<String> {
    let told = by_policy(|fit| costs.course(pool(fit, Tags::Side)))?;
    Some(format!(
        "The policy decides whether the cost grows with the number of blocks. In {} of a pair, \
         side tags over a fixed range: {told}.",
        costs.unit()
    ))
}

fn cut_off(costs: &Costs) -> Option<String> {
    let rows = costs.study.costs.iter().filter(|row| !row.null);
    let without = rows.filter(|row| row.nanoseconds.is_none() && row.given_up.is_some());
    let named: Vec<String> = without
        .map(|row| format!("{} at {}", row.arm, count(row.live)))
        .collect();
    (!named.is_empty()).then(|| {
        format!(
            "Cut off, as ageing the heap alone took too long there: {}.",
            list(&named)
        )
    })
}

/// The cheapest and the dearest over a fixed range, and the engine.
fn peers(costs: &Costs) -> Option<String> {
    let peers = Peer::iter().map(Name::Peer).filter(|arm| !arm.is_ours());
    let most = costs.most_live(&[Name::SUBJECT])?;
    let found: Vec<(Name, f64)> = peers
        .filter_map(|arm| Some((arm, costs.at(arm, most)?)))
        .collect();
    let [least, dearest] = extremes(found.into_iter())?;
    let ours = costs.at(Name::SUBJECT, most)?;
    let mut told = format!(
        "With {} live the cheapest peer is {} with {} {}, the dearest that gets there {} with {}; \
         {} takes {}, {:.2} times the cheapest.",
        count(most),
        least.0,
        figure(least.1),
        costs.unit(),
        dearest.0,
        figure(dearest.1),
        Name::SUBJECT,
        figure(ours),
        ours / least.1
    );
    if let Some(course) = costs.course(Name::Peer(Peer::Engine)) {
        told += &format!(" The hosted {course}.");
    }
    Some(told)
}

fn tags(costs: &Costs) -> Option<String> {
    let told = by_policy(|fit| {
        let both = [pool(fit, Tags::Side), pool(fit, Tags::Inline)];
        let live = costs.most_live(&both)?;
        let [side, inline] = both.map(|arm| costs.at(arm, live));
        Some(format!(
            "{fit} {:.2} times ({} live)",
            side? / inline?,
            count(live)
        ))
    })?;
    Some(format!(
        "What side tags cost of what inline tags do, at the most blocks that both were measured \
         with: {told}."
    ))
}

fn suppliers(costs: &Costs) -> Option<String> {
    let with = |supplier| Name::Pool(Fit::Quick, Tags::Side, supplier);
    let supplied: Vec<Name> = Supplier::iter()
        .map(with)
        .filter(|arm| !arm.is_fixed() && !costs.points(*arm).is_empty())
        .collect();
    let all: Vec<Name> = supplied.iter().copied().chain([Name::SUBJECT]).collect();
    let live = costs.most_live(&all).filter(|_| !supplied.is_empty())?;
    let told: Vec<String> = supplied
        .iter()
        .filter_map(|arm| Some(format!("{arm} {}", figure(costs.at(*arm, live)?))))
        .collect();
    Some(format!(
        "A supplier adds to that where blocks come and go: with {} live {}, {} over a fixed range.",
        count(live),
        list(&told),
        figure(costs.at(Name::SUBJECT, live)?)
    ))
}

/// What the policies' figures say on how to pay less.
fn advice(costs: &Costs) -> Option<String> {
    let arms = Fit::iter().map(|fit| pool(fit, Tags::Side));
    let arms: Vec<Name> = arms.filter(|arm| !costs.points(*arm).is_empty()).collect();
    let live = costs.most_live(&arms).filter(|_| arms.len() > 1)?;
    let found = arms
        .iter()
        .filter_map(|arm| Some((*arm, costs.at(*arm, live)?)));
    let [least, most] = extremes(found)?;
    Some(format!(
        "How to pay less: with {} live, {} takes {:.0} times what {} does. First fit searches its \
         list from the lowest block on, past all the holes too small that gather there; next fit \
         goes on where it stopped, and finds room sooner; a tree takes a step for each doubling of \
         the free blocks; lists by size need no search.",
        count(live),
        most.0,
        most.1 / least.1,
        least.0
    ))
}

/// Question a.
pub fn cost(study: &Study) -> Vec<String> {
    let costs = Costs::of(study);
    let answers = [
        policies(&costs),
        cut_off(&costs),
        tags(&costs),
        suppliers(&costs),
        peers(&costs),
        advice(&costs),
    ];
    answers.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study() -> Study {
        let row = |arm: &str, live, half: f64| CostRow {
            alloc: Some(half),
            free: Some(half),
            ..CostRow::of(((arm.parse().unwrap(), false), live))
        };
        let mut study = Study {
            costs: vec![
                row("quick-fit,side", 10, 100.0),
                row("quick-fit,side", 1000, 105.0),
                row("quick-fit,inline", 1000, 210.0),
                row("first-fit,side", 10, 50.0),
                row("first-fit,side", 1000, 400.0),
                row("talc", 1000, 70.0),
                row("first-fit,side", 100_000, 0.0),
            ],
            ..Study::default()
        };
        let last = study.costs.last_mut().unwrap();
        (last.alloc, last.given_up) = (None, Some("late".into()));
        study
    }

    #[test]
    fn words_follow_the_figures() {
        let told = cost(&study()).join("\n");
        for words in [
            "first-fit,side 100 with 10 live, 800 with 1k (8.0 times as much)",
            "quick-fit,side 200 with 10 live, 210 with 1k (it does not grow)",
            "took too long there: first-fit,side at 100k.",
            "quick-fit 0.50 times (1k live)",
            "cheapest peer is talc with 140 instructions",
            "quick-fit,side takes 210, 1.50 times the cheapest",
            "first-fit,side takes 4 times what quick-fit,side does",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }

    #[test]
    fn of_nothing_nothing_is_told() {
        assert_eq!(cost(&Study::default()), Vec::<String>::new());
    }
}
