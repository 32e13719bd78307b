//! What the project promises of its pools, held against the figures of this study; every row of
//! talc's kind of benchmarks against the best peer; and the noise.

use std::collections::BTreeSet;

use strum::IntoEnumIterator;

use super::efficiency::{self, Fullness};
use super::results::{ActionsRow, CostRow, Duel, Study, Target};
use crate::arms::{Name, Peer};
use crate::bench::stats::{Verdict, geometric_mean};
use crate::words::percent;

/// Live blocks of the promises about instructions: a few, and many.
pub const LIVE: [usize; 2] = [300, 20_000];
const SMALL: f64 = 0.88;
const LARGE: f64 = 0.95;
const PAGES: usize = 4000;
const PAIR: f64 = 90.0;
const FLATNESS: f64 = 1.3;
const THROUGHPUT: f64 = 1.15;

const UNMEASURED: &str = "not measured";

/// The largest ratio between an arm and its null arm, less 1.
pub fn noise(study: &Study) -> Option<f64> {
    let null = |row: &&CostRow| row.null;
    let costs = study.costs.iter().filter(null).filter_map(|null| {
        let twin = |row: &&CostRow| !row.null && row.arm == null.arm && row.live == null.live;
        Some(study.costs.iter().find(twin)?.nanoseconds? / null.nanoseconds?)
    });
    let actions = study
        .actions
        .iter()
        .filter(|row| row.null)
        .filter_map(|null| {
            let twin =
                |row: &&ActionsRow| !row.null && row.arm == null.arm && row.most == null.most;
            Some(study.actions.iter().find(twin)?.per_second / null.per_second)
        });
    costs
        .chain(actions)
        .map(|ratio| ratio.max(1.0 / ratio) - 1.0)
        .reduce(f64::max)
}

/// What the subject and its peers are compared in.
struct Measure<'a> {
    what: String,
    less_is_better: bool,
    by_the_clock: bool,
    value: Box<dyn Fn(Name) -> Option<f64> + 'a>,
    text: fn(f64) -> String,
}

impl<'a> Measure<'a> {
    fn fullness(
        study: &'a Study,
        what: &str,
        text: fn(f64) -> String,
        figure: fn(&Fullness) -> Option<f64>,
    ) -> Self {
        let value = move |arm| {
            let row = study.fullness.iter().find(|row| row.arm == arm)?;
            figure(&row.found)
        };
        Measure {
            what: what.into(),
            less_is_better: false,
            by_the_clock: false,
            value: Box::new(value),
            text,
        }
    }

    /// Instructions of a pair with so many blocks live.
    fn instructions(study: &'a Study, live: usize) -> Self {
        let value = move |arm| {
            let mut rows = study.costs.iter();
            let row = rows.find(|row| row.arm == arm && row.live == live && !row.null)?;
            row.instructions()
        };
        Measure {
            what: format!("instructions of a pair with {live} live"),
            less_is_better: true,
            by_the_clock: false,
            value: Box::new(value),
            text: |value| format!("{value:.0}"),
        }
    }

    /// Actions a second with sizes up to this, or the geometric mean over all.
    fn throughput(study: &'a Study, most: Option<usize>) -> Self {
        let value = move |arm| {
            let rows = study
                .actions
                .iter()
                .filter(|row| row.arm == arm && !row.null);
            let rows = rows.filter(|row| most.is_none_or(|most| row.most == most));
            geometric_mean(rows.map(|row| row.per_second))
        };
        let sizes = match most {
            Some(most) => format!("to {most} B"),
            None => "geometric mean".into(),
        };
        Measure {
            what: format!("random actions, {sizes}"),
            less_is_better: false,
            by_the_clock: true,
            value: Box::new(value),
            text: |value| format!("{:.2} million/s", value / 1e6),
        }
    }

    fn ours(&self) -> Option<f64> {
        (self.value)(Name::SUBJECT)
    }

    /// How many times better one value is than another.
    fn ratio(&self, one: f64, other: f64) -> f64 {
        match self.less_is_better {
            true => other / one,
            false => one / other,
        }
    }

    /// The best peer: what serves a fixed range and is not ours.
    fn best_peer(&self) -> Option<(Name, f64)> {
        let peers = Peer::iter().map(Name::Peer).filter(|peer| !peer.is_ours());
        let peers = peers.filter_map(|peer| Some((peer, (self.value)(peer)?)));
        peers.reduce(|best, one| match self.ratio(one.1, best.1) > 1.0 {
            true => one,
            false => best,
        })
    }

    fn best_text(&self) -> String {
        self.best_peer().map_or_else(
            || UNMEASURED.into(),
            |(peer, value)| format!("{} ({peer})", (self.text)(value)),
        )
    }

    fn target(&self, promise: String, holds: impl Fn(f64) -> bool) -> Target {
        let ours = self.ours();
        Target {
            what: format!("{}, {promise}", self.what),
            measured: ours.map_or_else(|| UNMEASURED.into(), self.text),
            best_peer: self.best_text(),
            holds: ours.map(holds),
        }
    }

    /// None if one side was not measured.
    fn duel(&self, noise: Option<f64>) -> Option<Duel> {
        let ours = self.ours()?;
        let ratio = self.ratio(ours, self.best_peer()?.1);
        let verdict = match self.by_the_clock {
            true => Verdict::of(1.0 / ratio, noise.map(|noise| 1.0 + noise)),
            false if ratio > 1.0 => Verdict::Ahead,
            false if ratio < 1.0 => Verdict::Behind,
            false => Verdict::Level,
        };
        Some(Duel {
            what: self.what.clone(),
            measured: (self.text)(ours),
            best_peer: self.best_text(),
            ratio,
            verdict,
        })
    }
}

/// What ranges hold: small blocks, large ones, pages.
fn fullness(study: &Study) -> [Measure<'_>; 3] {
    [
        Measure::fullness(study, "small blocks (4–256 B)", percent, |found| {
            found.small
        }),
        Measure::fullness(
            study,
            "large blocks (to 10 kB, realloc to 100 kB)",
            percent,
            |found| found.large,
        ),
        Measure::fullness(
            study,
            "pages of 4096 B at 4096",
            |value| format!("{value:.0}"),
            |found| Some(found.pages as f64),
        ),
    ]
}

/// All targets.
pub fn judge(study: &Study) -> Vec<Target> {
    let [small, large, pages] = fullness(study);
    let [few, many] = LIVE.map(|live| Measure::instructions(study, live));
    let at_few = few.ours();
    let of_range = |least: f64| format!("at least {:.0} % of the range", least * 100.0);
    let speed = Measure::throughput(study, None);
    let ratio = speed.duel(None).map(|duel| duel.ratio);
    let mut fast = speed.target(format!("at least {THROUGHPUT} × the best peer's"), |_| {
        true
    });
    fast.holds = ratio.map(|ratio| ratio >= THROUGHPUT);
    if let Some(ratio) = ratio {
        fast.measured = format!("{ratio:.2} × ({})", fast.measured);
    }
    vec![
        small.target(of_range(SMALL), |value| value >= SMALL),
        large.target(of_range(LARGE), |value| value >= LARGE),
        pages.target(
            format!("at least {PAGES} of {}", efficiency::PAGES),
            |value| value >= PAGES as f64,
        ),
        few.target(format!("at most {PAIR}"), |value| value <= PAIR),
        many.target(
            format!("at most {FLATNESS} × those with {}", LIVE[0]),
            |value| at_few.is_some_and(|few| value <= FLATNESS * few),
        ),
        fast,
    ]
}

/// The subject against the best peer, in every row that was measured.
pub fn duels(study: &Study) -> Vec<Duel> {
    let lives: BTreeSet<usize> = study.costs.iter().map(|row| row.live).collect();
    let mosts: BTreeSet<usize> = study.actions.iter().map(|row| row.most).collect();
    let mosts = mosts.into_iter().map(Some).chain([None]);
    let measures = fullness(study)
        .into_iter()
        .chain(mosts.map(|most| Measure::throughput(study, most)))
        .chain(
            lives
                .into_iter()
                .map(|live| Measure::instructions(study, live)),
        );
    measures
        .filter_map(|measure| measure.duel(study.setting.noise))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::results::FullnessRow;

    fn study(pages: usize, large: f64) -> Study {
        let found = |small, large, pages| Fullness {
            small: Some(small),
            large: Some(large),
            pages,
        };
        let talc: Name = "talc".parse().unwrap();
        let costs = [
            (Name::SUBJECT, 300, 44.0),
            (Name::SUBJECT, 20_000, 60.0),
            (talc, 300, 50.0),
        ];
        let cost = |(arm, live, alloc)| CostRow {
            alloc: Some(alloc),
            free: Some(alloc),
            ..CostRow::of(((arm, false), live))
        };
        let actions = |arm, per_second| ActionsRow {
            arm,
            null: false,
            most: 200,
            per_second,
        };
        Study {
            fullness: vec![
                FullnessRow {
                    arm: Name::SUBJECT,
                    found: found(0.9, large, pages),
                },
                FullnessRow {
                    arm: talc,
                    found: found(0.78, 0.948, 2047),
                },
            ],
            costs: costs.map(cost).into(),
            actions: vec![actions(Name::SUBJECT, 1.1e6), actions(talc, 1e6)],
            ..Study::default()
        }
    }

    #[test]
    fn each_line_passes_or_fails_by_itself() {
        let holds: Vec<_> = judge(&study(4032, 0.96))
            .iter()
            .map(|target| target.holds)
            .collect();
        let expected = [true, true, true, true, false, false].map(Some);
        assert_eq!(holds, expected);
        let targets = judge(&study(3999, 0.9499));
        assert_eq!(
            (targets[1].holds, targets[2].holds),
            (Some(false), Some(false))
        );
        assert_eq!(targets[2].best_peer, "2047 (talc)");
        assert_eq!(targets[3].best_peer, "100 (talc)");
        assert_eq!(targets[5].measured, "1.10 × (1.10 million/s)");
        assert!(
            judge(&Study::default())
                .iter()
                .all(|target| target.holds.is_none())
        );
    }

    #[test]
    fn every_row_is_won_or_lost() {
        let mut study = study(2047, 0.9);
        let verdicts = |study: &Study| -> Vec<Verdict> {
            duels(study).iter().map(|duel| duel.verdict).collect()
        };
        use Verdict::{Ahead, Behind, Level};
        // Small, large, pages, actions to 200 B and their mean, 300 live; talc has no 20,000.
        assert_eq!(
            verdicts(&study),
            [Ahead, Behind, Level, Ahead, Ahead, Ahead]
        );
        study.setting.noise = Some(0.2);
        assert_eq!(verdicts(&study)[3], Level);
        let ratio = duels(&study)[5].ratio;
        assert!((ratio - 100.0 / 88.0).abs() < 1e-12, "{ratio}");
    }
}
