//! The search: draws cases and plays them in children, several at a time, until time or ops are
//! used up or something is found.
//!
//! Cases are numbered, and each follows from the seed and its number alone. Of findings made at the
//! same time, the one with the lowest number counts, so that the same seed gives the same.

use crate::args::HuntArgs;
use crate::finding::Finding;
use crate::supervise::{Play, Shown};
use glebe_trace::case::Choice;
use glebe_trace::{Case, Profile};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How far it has come.
#[derive(Default)]
struct State {
    cases: u64,
    ops: u64,
    by_mix: BTreeMap<String, u64>,
    found: Option<(u64, Case, Shown)>,
    failed: Option<anyhow::Error>,
}

struct Hunt<'a> {
    args: &'a HuntArgs,
    choice: Choice,
    start: Instant,
    time: Option<Duration>,
    state: Mutex<State>,
    bar: ProgressBar,
}

/// Searches as the arguments say, and reports.
pub fn hunt(args: &HuntArgs) -> anyhow::Result<ExitCode> {
    let hunt = Hunt::new(args);
    let seed = hunt.choice.seed;
    let jobs = match args.jobs {
        Some(jobs) => usize::from(jobs),
        None => thread::available_parallelism().map_or(1, usize::from),
    };
    hunt.say(&format!(
        "seed {seed}, {jobs} at a time, on {}",
        args.on.target
    ));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| hunt.work());
        }
        hunt.show_progress();
    });
    hunt.bar.finish_and_clear();
    let mut state = hunt
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = state.failed {
        return Err(error);
    }
    let finding = match state.found.take() {
        Some((_, case, shown)) => Some(Finding::new(case, shown, args)?),
        None => None,
    };
    let seconds = hunt.start.elapsed().as_secs_f64();
    if args.json {
        let report = serde_json::json!({
            "seed": seed,
            "target": args.on.target.to_string(),
            "cases": state.cases,
            "cases_by_mix": state.by_mix,
            "ops": state.ops,
            "seconds": seconds,
            "finding": finding.as_ref().map(Finding::json),
        });
        println!("{report}");
    }
    let Some(finding) = finding else {
        if !args.quiet && !args.json {
            let (cases, ops) = (state.cases, state.ops);
            println!("glebe-fuzz: nothing found in {cases} cases, {ops} ops, {seconds:.1} s");
        }
        return Ok(ExitCode::SUCCESS);
    };
    eprintln!("{finding}");
    Ok(ExitCode::FAILURE)
}

impl<'a> Hunt<'a> {
    fn new(args: &'a HuntArgs) -> Hunt<'a> {
        let profiles = match &args.profiles[..] {
            [] => Profile::all().collect(),
            named => named.to_vec(),
        };
        let time = match args.ops {
            Some(_) => None,
            None => Some(Duration::from_secs(args.seconds.unwrap_or(60))),
        };
        Hunt {
            args,
            choice: Choice {
                seed: args.seed.unwrap_or_else(seed_from_clock),
                profiles,
                threads: args.threads,
                bad_frees: args.on.target.refuses_bad_frees(),
            },
            start: Instant::now(),
            time,
            state: Mutex::default(),
            bar: bar(args, time),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, text: &str) {
        if !self.args.quiet {
            eprintln!("glebe-fuzz: {text}");
        }
    }

    /// Plays one case after the other.
    fn work(&self) {
        while let Some((number, case)) = self.next() {
            let result = Play::case(&case, &self.args.on).run();
            let mut state = self.state();
            match result {
                Ok(None) => {}
                Ok(Some(shown)) => {
                    if state
                        .found
                        .as_ref()
                        .is_none_or(|(other, ..)| number < *other)
                    {
                        state.found = Some((number, case, shown));
                    }
                }
                Err(error) => {
                    let error = error.context(format!("case {case}"));
                    state.failed.get_or_insert(error);
                }
            }
        }
    }

    /// The next case, unless it is time to stop.
    fn next(&self) -> Option<(u64, Case)> {
        let mut state = self.state();
        let left = match self.args.ops {
            Some(ops) => ops - state.ops,
            None => u64::MAX,
        };
        let late = self.time.is_some_and(|time| self.start.elapsed() >= time);
        if late || left == 0 || state.found.is_some() || state.failed.is_some() {
            return None;
        }
        let number = state.cases;
        let mut case = self.choice.case(number);
        case.ops = case.ops.min(usize::try_from(left).unwrap_or(usize::MAX));
        state.cases += 1;
        state.ops += case.ops as u64;
        *state.by_mix.entry(case.mix.to_string()).or_default() += 1;
        Some((number, case))
    }

    /// Moves the bar until all is done.
    fn show_progress(&self) {
        if self.bar.is_hidden() {
            return;
        }
        loop {
            let state = self.state();
            let at = match self.time {
                Some(_) => self.start.elapsed().as_secs(),
                None => state.ops,
            };
            self.bar.set_position(at);
            self.bar
                .set_message(format!("{} cases, {} ops", state.cases, state.ops));
            let over = state.found.is_some() || state.failed.is_some();
            drop(state);
            if over || self.bar.length().is_some_and(|length| at >= length) {
                return;
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

fn bar(args: &HuntArgs, time: Option<Duration>) -> ProgressBar {
    let (length, template) = match time {
        Some(time) => (time.as_secs(), "{bar:40} {pos}/{len} s, {msg}"),
        None => (args.ops.unwrap_or(0), "{bar:40} {percent} %, {msg}"),
    };
    // Hides itself unless standard error is a terminal.
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    if args.quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.with_style(ProgressStyle::with_template(template).expect("the template is well-formed"))
}

/// Short enough to be typed.
fn seed_from_clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(1, |now| now.as_micros() as u64 % 1_000_000_000_000)
}
