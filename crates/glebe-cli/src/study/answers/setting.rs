//! How a study was made, in words.

use crate::arms::Name;
use crate::study::results::Study;
use crate::words::{list, percent};

/// A sentence each.
pub fn setting(study: &Study) -> Vec<String> {
    let setting = &study.setting;
    let machine = &setting.machine;
    let mut lines = vec![
        format!("Machine: {}.", machine.line()),
        format!(
            "glebe {}, seed {}, {} rounds of what the clock measures, {:.0} s in all{}.",
            setting.version,
            setting.seed,
            setting.rounds,
            setting.seconds,
            if setting.quick {
                "; quick: short runs, for a first look only"
            } else {
                ""
            }
        ),
        match &setting.valgrind {
            Some(version) => format!(
                "Instructions: counted by callgrind ({version}), in processes of their own, \
                 between entry to and return from each call."
            ),
            None => "Instructions: not counted, as valgrind is not installed (apt-get install \
                     valgrind)."
                .into(),
        },
    ];
    if !setting.peers.is_empty() {
        lines.push(format!("Peers: {}.", list(&setting.peers)));
    }
    lines.push(match setting.noise {
        Some(noise) => format!(
            "Null arm: {} was timed twice as if it were two; its worst ratio to itself is off by \
             {}. Smaller differences of time mean nothing.",
            Name::SUBJECT,
            percent(noise)
        ),
        None => "Null arm: not measured, as nothing of it was timed.".into(),
    });
    lines.push(
        "Every measurement has a process of its own. What the clock measures runs alone and in \
         turns; all else does not depend on time. Rows that an arm loses stay in."
            .into(),
    );
    lines
}
