//! What becomes of a finding: it is played again in children with ever fewer events, and the least
//! that still shows the same is written down, as a recording and as a report.

use crate::args::{HuntArgs, On};
use crate::supervise::{Play, Shown};
use anyhow::Context;
use glebe_trace::case::Manner;
use glebe_trace::{Case, Event, minimise, recording};
use indicatif::ProgressBar;
use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// How long to search for fewer events.
const PATIENCE: Duration = Duration::from_secs(90);
/// While searching for the least that hangs, what takes longer than this many seconds does.
const SHORT_LIMIT: u64 = 3;
/// What shows on threads at once may need luck: it is played so often before it counts as gone.
const TRIES: u32 = 8;
/// As above, for a person who plays it again.
const MANY_TRIES: u32 = 100;

/// Something wrong, with the events that show it.
pub struct Finding {
    case: Case,
    shown: Shown,
    /// How many events the case has.
    events: usize,
    /// The fewest that were seen to show it; none if only the case itself did.
    least: Option<Vec<Event>>,
    recording: PathBuf,
    report: PathBuf,
    again: String,
}

impl Finding {
    /// Minimises what a case has shown and writes it down.
    pub fn new(case: Case, shown: Shown, args: &HuntArgs) -> anyhow::Result<Finding> {
        let (events, manner) = (case.events(), case.manner());
        let tries = match manner {
            Manner::Abreast => format!(" --tries {MANY_TRIES}"),
            Manner::Turns(_) => String::new(),
        };
        let mut search = Search::new(&shown, manner, args)?;
        let least = search.least(&events)?;
        let name = format!("{}-{}", case.mix, case.seed);
        let path = |ending| args.seed_out.join(&name).with_extension(ending);
        let (recording, report) = (path("glbt"), path("txt"));
        let again = match &least {
            None => Play::case(&case, &args.on).command(""),
            Some(_) => Play::recording(&recording, manner, &args.on).command(&tries),
        };
        let finding = Finding {
            case,
            shown: search.shown.take().unwrap_or(shown),
            events: events.len(),
            least,
            recording,
            report,
            again,
        };
        finding.write(&args.seed_out, &events)?;
        Ok(finding)
    }

    fn write(&self, folder: &Path, all: &[Event]) -> anyhow::Result<()> {
        let written = || -> std::io::Result<()> {
            fs::create_dir_all(folder)?;
            let events = self.least.as_deref().unwrap_or(all);
            fs::write(&self.recording, recorded(events)?)?;
            let lines = events
                .iter()
                .map(|Event { thread, op }| format!("{thread}: {op}\n"));
            fs::write(
                &self.report,
                format!("{self}\n\n{}", lines.collect::<String>()),
            )
        };
        let hint = || {
            format!(
                "cannot write into {}; say --seed-out DIR\n{self}",
                folder.display()
            )
        };
        written().with_context(hint)
    }

    /// For `--json`.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "shown": self.shown.text,
            "kind": self.shown.kind,
            "case": self.case.to_string(),
            "events": self.events,
            "least": self.least.as_ref().map(Vec::len),
            "recording": self.recording,
            "report": self.report,
            "again": self.again,
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "FOUND: {}", self.shown.text.trim_end())?;
        writeln!(f, "  case:  {}", self.case)?;
        match &self.least {
            Some(least) => writeln!(f, "  least: {} of {} events", least.len(), self.events)?,
            None => writeln!(
                f,
                "  least: it did not show again; all {} events",
                self.events
            )?,
        }
        writeln!(f, "  file:  {}", self.recording.display())?;
        write!(f, "  again: {}", self.again)
    }
}

fn recorded(events: &[Event]) -> std::io::Result<Vec<u8>> {
    recording::write(Vec::new(), events.iter().copied())
}

/// Plays once or more often, and reports to a person.
pub fn show(play: &Play, events: usize, tries: u32) -> anyhow::Result<ExitCode> {
    for _ in 0..tries {
        if let Some(shown) = play.run()? {
            println!("FOUND: {}", shown.text.trim_end());
            return Ok(ExitCode::FAILURE);
        }
    }
    println!("glebe-fuzz: nothing found in {events} events, played {tries} times");
    Ok(ExitCode::SUCCESS)
}

/// The search for fewer events.
struct Search {
    kind: String,
    tries: u32,
    /// The events to try, and their play.
    file: NamedTempFile,
    play: Play,
    bar: ProgressBar,
    /// What the last list that showed the kind showed.
    shown: Option<Shown>,
}

impl Search {
    fn new(shown: &Shown, manner: Manner, args: &HuntArgs) -> anyhow::Result<Search> {
        let file = NamedTempFile::new().context("cannot create a temporary file")?;
        let on = On {
            time_limit: match shown.hangs {
                true => args.on.time_limit.min(SHORT_LIMIT),
                false => args.on.time_limit,
            },
            ..args.on.clone()
        };
        Ok(Search {
            kind: shown.kind.clone(),
            tries: match manner {
                Manner::Abreast => TRIES,
                Manner::Turns(_) => 1,
            },
            play: Play::recording(file.path(), manner, &on),
            file,
            bar: match args.quiet {
                true => ProgressBar::hidden(),
                // Hides itself unless standard error is a terminal.
                false => ProgressBar::new_spinner(),
            },
            shown: None,
        })
    }

    /// The fewest events found in time; none if not even all show it again.
    fn least(&mut self, events: &[Event]) -> anyhow::Result<Option<Vec<Event>>> {
        if !self.shows(events)? {
            return Ok(None);
        }
        let until = Instant::now() + PATIENCE;
        let mut failed = None;
        let least = minimise(events, |list| match self.shows(list) {
            Ok(_) if Instant::now() > until => ControlFlow::Break(()),
            Ok(shows) => ControlFlow::Continue(shows),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        });
        self.bar.finish_and_clear();
        failed.map_or(Ok(Some(least)), Err)
    }

    fn shows(&mut self, events: &[Event]) -> anyhow::Result<bool> {
        self.bar
            .set_message(format!("looking for the least: {} events", events.len()));
        self.bar.tick();
        fs::write(self.file.path(), recorded(events)?).context("cannot write a temporary file")?;
        for _ in 0..self.tries {
            if let Some(shown) = self.play.run()?
                && shown.kind == self.kind
            {
                self.shown = Some(shown);
                return Ok(true);
            }
        }
        Ok(false)
    }
}
