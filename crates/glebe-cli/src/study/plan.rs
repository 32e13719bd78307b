//! Which measurements a study makes, and in which order.
//!
//! What the clock measures runs alone, in rounds that go through all arms, each round starting with
//! another; a null arm, the same pool a second time, shows the noise. All else does not depend on
//! time, and runs on all cores.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use strum::IntoEnumIterator;

use super::ageing::{self, Lifetimes};
use super::child::{self, Outcome};
use super::growth::{self, Pattern};
use super::order::{Order, Question};
use super::pairs::Cost;
use super::results::{
    ActionsRow, AgeRow, CostRow, Failure, FullnessRow, GrowthRow, LocalityRow, Setting, Study,
};
use super::worker::Task;
use super::{callgrind, efficiency, locality, pairs, targets};
use crate::arms::{MOSTS, Name, Peer};
use crate::bench::machine::Machine;
use crate::bench::stats::Spread;

/// Live blocks of question a.
const LIVE: [usize; 6] = [10, 100, 1000, 10_000, 100_000, 1_000_000];
/// Those for pools with suppliers.
const LIVE_SUPPLIED: [usize; 3] = [10, 1000, 100_000];
const COUNTED_PAIRS: usize = 4096;

/// How much is done.
struct Size {
    rounds: usize,
    most_live: usize,
    stretch_ms: u64,
    /// Over a fixed range, and with a supplier.
    ops: [u64; 2],
    live: usize,
    replacements: usize,
    action_ms: u64,
    fills: [u64; 2],
}

impl Size {
    fn of(order: &Order) -> Size {
        match order.quick {
            false => Size {
                rounds: 3,
                most_live: 1_000_000,
                stretch_ms: 8,
                ops: [10_000_000, 1_000_000],
                live: 20_000,
                replacements: 100_000,
                action_ms: 60,
                fills: [4, 2],
            },
            true => Size {
                rounds: 1,
                most_live: 10_000,
                stretch_ms: 2,
                ops: [200_000, 50_000],
                live: 2000,
                replacements: 10_000,
                action_ms: 10,
                fills: [1, 1],
            },
        }
    }
}

/// The work in hand.
struct Work<'a> {
    order: &'a Order,
    size: Size,
    bar: ProgressBar,
    cores: usize,
    study: Study,
}

/// Makes a study.
pub fn carry_out(order: &Order) -> Result<Study> {
    let start = Instant::now();
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let size = Size::of(order);
    let setting = Setting {
        started: started.map_or(0, |since| since.as_secs()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: Machine::read(),
        peers: Peer::iter().filter_map(Peer::origin).collect(),
        seed: order.seed,
        quick: order.quick,
        valgrind: callgrind::version(),
        rounds: size.rounds,
        ops: size.ops,
        ..Setting::default()
    };
    let style = "{prefix:12} {bar:30} {pos}/{len}, {elapsed}, {eta} left  {msg}";
    let style = ProgressStyle::with_template(style).context("the template of the progress bar")?;
    let mut work = Work {
        order,
        size,
        bar: ProgressBar::no_length().with_style(style),
        cores: setting.machine.cores,
        study: Study {
            schema: 1,
            setting,
            ..Study::default()
        },
    };
    let asked = |question| order.questions.contains(&question);
    if asked(Question::A) || asked(Question::E) {
        work.costs();
    }
    if asked(Question::B) {
        work.lives();
    }
    if asked(Question::C) {
        work.locality();
    }
    if asked(Question::D) {
        work.growth();
    }
    if asked(Question::E) {
        work.efficiency();
    }
    work.bar.finish_and_clear();
    let mut study = work.study;
    study.setting.noise = targets::noise(&study);
    if asked(Question::E) {
        study.targets = targets::judge(&study);
        study.duels = targets::duels(&study);
    }
    study.setting.seconds = start.elapsed().as_secs_f64();
    Ok(study)
}

/// An arm, and whether it is the null arm.
type Lane = (Name, bool);

impl Work<'_> {
    fn begin(&self, what: &'static str, tasks: usize) {
        self.bar.set_prefix(what);
        self.bar.set_length(tasks as u64);
        self.bar.reset();
        if self.bar.is_hidden() {
            eprintln!("{what}: {tasks} measurements");
        }
    }

    fn fail(&mut self, task: &Task, why: String) {
        let what = task.label();
        self.study.failures.push(Failure { what, why });
    }

    /// All arms, and the null arm behind the one that it repeats.
    fn lanes(&self, wanted: impl Fn(Name) -> bool) -> Vec<Lane> {
        let arms = self.order.arms.iter().filter(|arm| wanted(**arm));
        let mut lanes: Vec<Lane> = arms.map(|arm| (*arm, false)).collect();
        if let Some(at) = lanes.iter().position(|lane| lane.0 == Name::SUBJECT) {
            lanes.insert(at + 1, (Name::SUBJECT, true));
        }
        lanes
    }

    /// Does a task for each lane in each round; the outcomes by lane. What came to nothing is not
    /// tried again.
    fn rounds<T: serde::de::DeserializeOwned + Send>(
        &mut self,
        tasks: &[Task],
        came_to_nothing: fn(&T) -> bool,
    ) -> Vec<Vec<Outcome<T>>> {
        let mut outcomes: Vec<Vec<Outcome<T>>> = tasks.iter().map(|_| Vec::new()).collect();
        for round in 0..self.size.rounds {
            for turn in 0..tasks.len() {
                let lane = (turn + round * tasks.len() / self.size.rounds) % tasks.len();
                let is_hopeless = |outcome: &Outcome<T>| match outcome {
                    Ok(found) => came_to_nothing(found),
                    Err(_) => true,
                };
                if outcomes[lane].last().is_some_and(is_hopeless) {
                    self.bar.inc(1);
                    continue;
                }
                let task = &tasks[lane..=lane];
                outcomes[lane].extend(child::all(task, 1, &self.bar, child::one));
            }
        }
        outcomes
    }

    fn cost_lanes(&self) -> Vec<(Lane, usize)> {
        let mut wanted: Vec<(Lane, usize)> = Vec::new();
        for lane in self.lanes(|_| true) {
            let lives: &[usize] = match lane.0.has_supplier() {
                true => &LIVE_SUPPLIED,
                false => &LIVE,
            };
            if self.order.questions.contains(&Question::A) {
                let lives = lives.iter().filter(|live| **live <= self.size.most_live);
                wanted.extend(lives.map(|live| (lane, *live)));
            }
            if self.order.questions.contains(&Question::E) && lane.0.is_fixed() {
                wanted.extend(targets::LIVE.map(|live| (lane, live)));
            }
        }
        wanted
    }

    fn costs(&mut self) {
        let wanted = self.cost_lanes();
        let job = |&((arm, _), live): &(Lane, usize)| pairs::Job {
            arm,
            live,
            seed: self.order.seed,
            pairs: 1 << 20,
            milliseconds: self.size.stretch_ms,
            counted: false,
        };
        let timed: Vec<Task> = wanted.iter().map(|one| Task::Pairs(job(one))).collect();
        self.begin("a: time", timed.len() * self.size.rounds);
        let times = self.rounds::<Cost>(&timed, |cost| cost.given_up.is_some());
        let mut rows: Vec<CostRow> = wanted.iter().map(|one| CostRow::of(*one)).collect();
        for ((row, task), outcomes) in rows.iter_mut().zip(&timed).zip(&times) {
            self.take_times(row, task, outcomes);
        }
        if self.study.setting.valgrind.is_some() {
            self.count(&mut rows);
        }
        self.study.costs = rows;
    }

    /// Counts the instructions of those that were not given up by the clock.
    fn count(&mut self, rows: &mut [CostRow]) {
        let mut rows: Vec<&mut CostRow> = rows
            .iter_mut()
            .filter(|row| row.given_up.is_none())
            .collect();
        let task = |row: &&mut CostRow| {
            Task::Pairs(pairs::Job {
                arm: row.arm,
                live: row.live,
                seed: self.order.seed,
                pairs: COUNTED_PAIRS,
                milliseconds: 4000,
                counted: true,
            })
        };
        let tasks: Vec<Task> = rows.iter().map(task).collect();
        self.begin("a: count", tasks.len());
        let counts = child::all(&tasks, self.cores, &self.bar, child::counted::<Cost>);
        for ((row, task), outcome) in rows.iter_mut().zip(&tasks).zip(counts) {
            match outcome {
                Ok((Cost { given_up: None, .. }, Some(counts))) => {
                    (row.alloc, row.free) = (Some(counts.alloc), Some(counts.free));
                }
                Ok((cost, _)) => {
                    let why = cost.given_up.unwrap_or_else(|| "it saw no calls".into());
                    let why = format!("not counted, as under callgrind {why}");
                    row.given_up = Some(match row.arm.is_on_the_break() {
                        true => why + ": valgrind keeps the program break small",
                        false => why,
                    });
                }
                Err(why) => self.fail(task, why),
            }
        }
    }

    fn take_times(&mut self, row: &mut CostRow, task: &Task, outcomes: &[Outcome<Cost>]) {
        let mut times = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(cost) => {
                    times.extend_from_slice(&cost.nanoseconds);
                    row.given_up = row.given_up.take().or_else(|| cost.given_up.clone());
                }
                Err(why) => self.fail(task, why.clone()),
            }
        }
        if let Some(spread) = Spread::of(times) {
            row.spread = Some([spread.min, spread.max]);
            row.nanoseconds = Some(spread.median);
        }
    }

    /// Does tasks that do not depend on time, and gives `keep` the arm and the outcome of each.
    fn everywhere<T: serde::de::DeserializeOwned + Send, K: Copy>(
        &mut self,
        what: &'static str,
        tasks: Vec<(K, Task)>,
        keep: impl Fn(&mut Study, K, T),
    ) {
        self.begin(what, tasks.len());
        let (keys, tasks): (Vec<K>, Vec<Task>) = tasks.into_iter().unzip();
        let outcomes = child::all(&tasks, self.cores, &self.bar, child::one::<T>);
        for ((key, task), outcome) in keys.into_iter().zip(&tasks).zip(outcomes) {
            match outcome {
                Ok(found) => keep(&mut self.study, key, found),
                Err(why) => self.fail(task, why),
            }
        }
    }

    fn lives(&mut self) {
        let mut tasks = Vec::new();
        for &arm in &self.order.arms {
            for lifetimes in Lifetimes::iter() {
                let job = ageing::Job {
                    arm,
                    lifetimes,
                    ops: self.size.ops[usize::from(!arm.is_fixed())],
                    seed: self.order.seed,
                };
                tasks.push(((arm, lifetimes), Task::Ageing(job)));
            }
        }
        self.everywhere("b: lives", tasks, |study, (arm, lifetimes), aged| {
            study.ageing.push(AgeRow {
                arm,
                lifetimes,
                aged,
            });
        });
    }

    fn locality(&mut self) {
        let task = |&arm: &Name| {
            let job = locality::Job {
                arm,
                seed: self.order.seed,
                live: self.size.live,
                replacements: self.size.replacements,
            };
            (arm, Task::Locality(job))
        };
        let tasks = self.order.arms.iter().map(task).collect();
        self.everywhere("c: locality", tasks, |study, arm, found| {
            study.locality.push(LocalityRow { arm, found });
        });
    }

    fn growth(&mut self) {
        let seed = self.order.seed;
        let pairs = self
            .order
            .arms
            .iter()
            .flat_map(|arm| Pattern::iter().map(|p| (*arm, p)));
        let tasks = pairs.map(|(arm, pattern)| {
            let job = growth::Job { arm, pattern, seed };
            ((arm, pattern), Task::Growth(job))
        });
        self.everywhere(
            "d: realloc",
            tasks.collect(),
            |study, (arm, pattern), growth| {
                study.growth.push(GrowthRow {
                    arm,
                    pattern,
                    growth,
                });
            },
        );
    }

    fn efficiency(&mut self) {
        let seed = self.order.seed;
        let fixed = self.order.arms.iter().filter(|arm| arm.is_fixed());
        let rounds = self.size.fills;
        let tasks = fixed.map(|&arm| {
            let job = efficiency::Job { arm, seed, rounds };
            (arm, Task::Fullness(job))
        });
        self.everywhere("e: filling", tasks.collect(), |study, arm, found| {
            study.fullness.push(FullnessRow { arm, found });
        });
        let lanes = self.lanes(Name::is_fixed);
        let wanted: Vec<(Lane, usize)> = MOSTS
            .into_iter()
            .flat_map(|most| lanes.iter().map(move |lane| (*lane, most)))
            .collect();
        let task = |&((arm, _), most): &(Lane, usize)| {
            Task::Actions(efficiency::Timed {
                arm,
                most,
                seed,
                milliseconds: self.size.action_ms,
            })
        };
        let tasks: Vec<Task> = wanted.iter().map(task).collect();
        self.begin("e: actions", tasks.len() * self.size.rounds);
        let outcomes = self.rounds::<f64>(&tasks, |_| false);
        for ((((arm, null), most), task), outcomes) in wanted.into_iter().zip(&tasks).zip(outcomes)
        {
            let (good, bad): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
            for why in bad.into_iter().filter_map(Result::err) {
                self.fail(task, why);
            }
            if let Some(spread) = Spread::of(good.into_iter().flatten()) {
                self.study.actions.push(ActionsRow {
                    arm,
                    null,
                    most,
                    per_second: spread.median,
                });
            }
        }
    }
}
