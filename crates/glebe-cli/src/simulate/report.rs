//! What a simulation has found, as sections of a page.

use glebe_sim::experiment::{Report, Row};
use glebe_sim::machine;
use glebe_sim::policy::Policy;
use glebe_sim::workloads;
use strum::IntoEnumIterator;

use crate::page::markdown as pages;
use crate::page::parts::{self, Section, Table, distinct};
use crate::words::{figure, percent};

/// What a table says of a row.
type Value = fn(&Row) -> String;

/// A section for each machine, and one for what was measured.
pub fn sections(report: &Report) -> Vec<Section> {
    let machines = distinct(report.rows.iter().map(|row| row.machine));
    let mut sections: Vec<Section> = machines.into_iter().map(|name| on(report, name)).collect();
    sections.push(measured(report));
    sections
}

/// The whole document.
pub fn markdown(report: &Report) -> String {
    let mut out = format!(
        "# Simulated\n\nBy `glebe simulate`, seed {}, {} rounds, overlap {}.\n",
        report.seed, report.rounds, report.overlap
    );
    for section in sections(report) {
        out += &pages::render(&section);
    }
    out
}

/// What there is to choose from.
pub fn list() -> String {
    let mut out = String::new();
    let mut add = |kind: &str, name: String, about: &str| {
        out += &format!("{kind:9} {name:16} {about}\n");
    };
    machine::Name::iter().for_each(|one| add("machine", one.to_string(), one.about()));
    workloads::Name::iter().for_each(|one| add("workload", one.to_string(), one.about()));
    Policy::iter().for_each(|one| add("policy", one.to_string(), one.about()));
    out
}

fn on(report: &Report, machine: machine::Name) -> Section {
    let rows: Vec<&Row> = report
        .rows
        .iter()
        .filter(|row| row.machine == machine)
        .collect();
    let table = |title: &str, value: Value| matrix(title, &rows, value);
    let share = |title: &str, value: Value| matrix(title, &rows, value).detail();
    Section {
        id: machine.to_string(),
        title: format!("{machine}: {}", machine.about()),
        answers: answers(&rows),
        method: format!(
            "Ratios to flat, geometric means of {} rounds; less is better. What is nearer to 1 \
             than the null arm is noise.",
            report.rounds
        ),
        plots: Vec::new(),
        tables: vec![
            table("Time of a call", |row| figure(row.time)),
            table("Peak memory", |row| figure(row.memory)),
            share("Nanoseconds of a call", |row| figure(row.ns)),
            share(
                "Of these, for pages: first touches and giving back",
                |row| figure(row.paging),
            ),
            share("Of these, waiting for locks", |row| figure(row.waiting)),
            share("Lines from beyond the complex", |row| {
                percent(row.beyond_complex)
            }),
            share("Lines from beyond the node", |row| percent(row.beyond_node)),
            share("Pages on another node than their owner", |row| {
                percent(row.far_pages)
            }),
        ],
    }
}

/// Policies down, workloads across.
fn matrix(title: &str, rows: &[&Row], value: Value) -> Table {
    let workloads = distinct(rows.iter().map(|row| row.workload));
    let arms = distinct(rows.iter().map(|row| (row.policy, row.null)));
    let head = std::iter::once("policy".to_owned());
    let line = |(policy, null): (Policy, bool)| {
        let cells = workloads.iter().map(|&workload| {
            let same =
                |row: &&&Row| (row.workload, row.policy, row.null) == (workload, policy, null);
            parts::cell(rows.iter().find(same), |row| value(row))
        });
        parts::Row {
            name: match null {
                true => "null arm".into(),
                false => policy.to_string(),
            },
            ours: policy == Policy::Flat && !null,
            cells: cells.collect(),
        }
    };
    Table {
        title: title.into(),
        head: head
            .chain(workloads.iter().map(ToString::to_string))
            .collect(),
        rows: arms.into_iter().map(line).collect(),
        ours: None,
        detail: false,
    }
}

/// The geometric mean over all workloads of each policy, the best first.
fn answers(rows: &[&Row]) -> Vec<String> {
    let mean = |policy: Policy, null: bool, value: fn(&Row) -> f64| {
        let own = rows
            .iter()
            .filter(|row| (row.policy, row.null) == (policy, null));
        let logs: Vec<f64> = own.map(|row| value(row).ln()).collect();
        (logs.iter().sum::<f64>() / logs.len() as f64).exp()
    };
    let mut policies = distinct(rows.iter().map(|row| row.policy));
    policies.retain(|&policy| policy != Policy::Flat);
    let time = |policy| mean(policy, false, |row| row.time);
    policies.sort_by(|&a, &b| time(a).total_cmp(&time(b)));
    let tell = |policy| {
        let memory = mean(policy, false, |row| row.memory);
        format!(
            "{policy} {} in {} of the memory",
            figure(time(policy)),
            figure(memory)
        )
    };
    let all: Vec<String> = policies.into_iter().map(tell).collect();
    match all.is_empty() {
        true => Vec::new(),
        false => vec![format!(
            "Time over all workloads: {}; null arm {}.",
            all.join(", "),
            figure(mean(Policy::Flat, true, |row| row.time))
        )],
    }
}

fn measured(report: &Report) -> Section {
    let row = |row: &glebe_sim::experiment::Measured| {
        let ratio = row.simulated / row.measured;
        parts::Row::plain(&row.row, [row.measured, row.simulated, ratio].map(figure))
    };
    Section {
        id: "measured".into(),
        title: "The model beside what was measured".into(),
        answers: Vec::new(),
        method:
            "Nanoseconds of an allocation and its free on two cores, by docs/results/all.md and \
                 by the model. The benchmark's own work and address translation are measured, and \
                 not modelled."
                .into(),
        plots: Vec::new(),
        tables: vec![Table::of_rows(
            "Rows of the benchmark".into(),
            ["row", "measured", "simulated", "ratio"],
            report.measured.iter().map(row).collect(),
        )],
    }
}
