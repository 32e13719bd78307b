//! `glebe run --trace` and `glebe replay`, from outside: a recording has exactly what the program
//! called, and the command is as good as the program itself.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use glebe_tests::program::Program;
use glebe_tests::run::{Finished, Run};
use glebe_tests::{command, dist};
use glebe_trace::fault::Origin;
use glebe_trace::target::GlebeRaw;
use glebe_trace::{Care, Event, Op, recording, turns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const PROGRAM: Program = Program::new("recorded.cc");

const BEGIN: usize = 777_777;
const END: usize = 888_888;
const THREADS: usize = 4;
const TURNS: usize = 2000;

struct Stage {
    folder: TempDir,
}

impl Stage {
    fn new() -> Stage {
        let folder = tempfile::tempdir().expect("a folder");
        Stage { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("recording.glbt")
    }

    fn record(&self, options: &[&str], program: &[&str]) -> Finished {
        let mut glebe = Command::new(command());
        glebe.arg("run").arg("--trace").arg(self.file());
        glebe.args(options).arg("--").args(program);
        Run::new(glebe).finish()
    }

    /// Records a mode of the program on the library, which must end with this status.
    fn mode(&self, mode: &str, status: i32) -> Vec<Event> {
        let executable = PROGRAM.executable();
        let program = executable.to_str().expect("a path in UTF-8");
        let finished = self.record(&[], &[program, mode]);
        let ended = finished.status.and_then(|status| status.code());
        assert_eq!(ended, Some(status), "{finished}");
        // Nothing else is left behind.
        let files = std::fs::read_dir(self.folder.path()).expect("the folder");
        assert_eq!(files.count(), 1);
        self.read()
    }

    fn read(&self) -> Vec<Event> {
        let file = std::fs::File::open(self.file()).expect("a recording");
        recording::read(file).expect("a good recording")
    }

    fn replay(&self, options: &[&str], file: &Path) -> Finished {
        let mut glebe = Command::new(command());
        glebe.arg("replay").args(options).arg(file);
        Run::new(glebe).finish()
    }
}

/// What a thread called between the marks, with ids from 0 in the order of their first use.
fn between_marks(events: &[Event], thread: u32) -> Vec<Op> {
    let own = events.iter().filter(|event| event.thread == thread);
    let mut ops = own.map(|event| event.op);
    let is = |op: &Op, bytes| matches!(op, Op::Alloc { size, .. } if *size == bytes);
    ops.by_ref()
        .find(|op| is(op, BEGIN))
        .expect("the mark at the beginning");
    // Its free.
    ops.next();
    ops.take_while(|op| !is(op, END)).collect()
}

fn with_ids_in_order(ops: Vec<Op>) -> Vec<Op> {
    let mut names = Vec::new();
    let mut order = |id: u32, frees: bool| {
        let known = names.iter().rposition(|known| *known == Some(id));
        let place = known.unwrap_or_else(|| {
            names.push(Some(id));
            names.len() - 1
        });
        if frees {
            names[place] = None;
        }
        place as u32
    };
    let rename = |op| match op {
        Op::Alloc { id, size } => Op::Alloc {
            id: order(id, false),
            size,
        },
        Op::Zeroed { id, size } => Op::Zeroed {
            id: order(id, false),
            size,
        },
        Op::Aligned { id, size, align } => Op::Aligned {
            id: order(id, false),
            size,
            align,
        },
        Op::Realloc { id, size } => Op::Realloc {
            id: order(id, false),
            size,
        },
        Op::Free { id } => Op::Free {
            id: order(id, true),
        },
        Op::FreeSized { id } => Op::FreeSized {
            id: order(id, true),
        },
        Op::Usable { id } => Op::Usable {
            id: order(id, false),
        },
        other => other,
    };
    ops.into_iter().map(rename).collect()
}

/// Plays a recording on the engine, under the oracle. Every event of a recording means something.
fn plays_well(events: &[Event]) {
    let played = turns::replay(&GlebeRaw, events, Care::default(), &Origin::List);
    let summary = played.unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(summary.passed_over, 0);
    assert_eq!(summary.ops, events.len() as u64);
}

const EVERY_CALL: [Op; 23] = [
    Op::Alloc { id: 0, size: 100 },
    Op::Zeroed { id: 1, size: 200 },
    Op::Realloc {
        id: 0,
        size: 500_000,
    },
    Op::Usable { id: 1 },
    Op::Aligned {
        id: 2,
        size: 640,
        align: 64,
    },
    Op::Aligned {
        id: 3,
        size: 300,
        align: 4096,
    },
    Op::Aligned {
        id: 4,
        size: 33,
        align: 32,
    },
    Op::Alloc { id: 5, size: 21 },
    Op::Realloc { id: 5, size: 35 },
    Op::Free { id: 1 },
    Op::Alloc { id: 6, size: 4 },
    Op::FreeSized { id: 6 },
    Op::Alloc { id: 7, size: 24 },
    Op::Free { id: 7 },
    Op::Aligned {
        id: 8,
        size: 256,
        align: 128,
    },
    Op::FreeSized { id: 8 },
    Op::Alloc { id: 9, size: 40 },
    Op::Free { id: 9 },
    Op::Free { id: 5 },
    Op::Free { id: 4 },
    Op::Free { id: 3 },
    Op::Free { id: 2 },
    Op::Free { id: 0 },
];

#[test]
fn every_call_is_recorded_once_on_glebe_and_on_the_c_library() {
    let stage = Stage::new();
    for options in [&[][..], &["--library", "none"]] {
        let executable = PROGRAM.executable();
        let program = executable.to_str().expect("a path in UTF-8");
        stage
            .record(options, &[program, "every_call"])
            .expect_success();
        let events = stage.read();
        let ops = with_ids_in_order(between_marks(&events, 0));
        assert_eq!(ops, EVERY_CALL, "{options:?}");
        plays_well(&events);
    }
}

#[test]
fn each_thread_has_its_calls_in_its_order() {
    let events = Stage::new().mode("several_threads", 0);
    let threads = 1..=THREADS as u32;
    let mut selves = Vec::new();
    for thread in threads {
        let ops = between_marks(&events, thread);
        let mut ops = ops.into_iter().peekable();
        let mut own = None;
        for turn in 0..TURNS {
            let Some(Op::Alloc { id, size }) = ops.next() else {
                panic!("turn {turn} of thread {thread} does not begin with a malloc");
            };
            let number = size - 16;
            assert_eq!(*own.get_or_insert(number), number);
            let size = 32 + turn % 100 + number;
            assert_eq!(ops.next(), Some(Op::Realloc { id, size }));
            // A place may have been empty.
            ops.next_if(|op| matches!(op, Op::Free { .. }));
        }
        assert_eq!(ops.next(), None);
        selves.extend(own);
    }
    selves.sort_unstable();
    assert_eq!(selves, [0, 1, 2, 3]);
    let frees = events
        .iter()
        .filter(|event| matches!(event.op, Op::Free { .. }));
    let crossing = frees.filter(|event| event.thread > 0).count();
    // All but the last block of each place, and the marks.
    assert_eq!(crossing, THREADS * TURNS - THREADS + 2 * THREADS);
    plays_well(&events);
}

#[test]
fn a_forks_child_is_not_recorded() {
    let events = Stage::new().mode("a_child", 0);
    let ops = with_ids_in_order(between_marks(&events, 0));
    assert_eq!(ops, [Op::Alloc { id: 0, size: 100 }, Op::Free { id: 0 }]);
}

#[test]
fn the_program_that_a_program_becomes_is_recorded_and_so_is_one_that_is_killed() {
    let events = Stage::new().mode("another_program", 128 + 9);
    let before = Op::Alloc { id: 0, size: 100 };
    let old: Vec<Event> = events
        .iter()
        .copied()
        .filter(|event| event.thread == 0)
        .collect();
    assert_eq!(
        with_ids_in_order(old[old.len() - 1..].iter().map(|event| event.op).collect()),
        [before]
    );
    let new = with_ids_in_order(between_marks(&events, 1));
    assert_eq!(new, [Op::Alloc { id: 0, size: 300 }]);
    plays_well(&events);
}

#[test]
fn the_status_is_the_programs_and_signals_reach_it() {
    let stage = Stage::new();
    let finished = stage.record(&[], &["sh", "-c", "exit 7"]);
    assert_eq!(finished.status.and_then(|status| status.code()), Some(7));
    let script = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done";
    let mut glebe = Command::new(command());
    glebe.args(["run", "--trace"]).arg(stage.file());
    glebe
        .args(["--", "sh", "-c", script])
        .stdout(Stdio::piped());
    let mut child = glebe.spawn().expect("the command starts");
    let mut line = String::new();
    let output = child.stdout.take().expect("a pipe");
    BufReader::new(output).read_line(&mut line).expect("a line");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("a signal is sent");
    let status = child.wait().expect("the command ends");
    assert_eq!(status.code(), Some(3));
    assert!(!stage.read().is_empty());
}

#[test]
fn without_a_program_there_is_no_recording() {
    let stage = Stage::new();
    let finished = stage.record(&[], &["no-such-program"]);
    assert_eq!(finished.status.and_then(|status| status.code()), Some(127));
    assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
    assert!(!stage.file().exists());
}

#[test]
fn python_is_played_on_the_engine_and_on_the_c_library() {
    let stage = Stage::new();
    let script = "import json; print(len(json.dumps(list(range(20000)))))";
    let finished = stage
        .record(&[], &["python3", "-c", script])
        .expect_success();
    assert_eq!(finished.stdout, "128890\n");
    let events = stage.read();
    assert!(events.len() > 1000);
    plays_well(&events);

    let options = ["--allocator", "glibc", "--rounds", "2", "--json", "-"];
    let finished = stage.replay(&options, &stage.file()).expect_success();
    let results: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let samples = results["suites"][0]["rows"][0]["cells"][0]["samples"].as_array();
    let samples = samples.expect("samples");
    assert_eq!(samples.len(), 2);
    for sample in samples {
        assert_eq!(sample["ops"], events.len());
        assert!(
            sample["ns_per_op"].as_f64().is_some_and(|time| time > 0.0),
            "{sample}"
        );
    }
}

#[test]
fn threads_are_played_on_the_library_with_blocks_that_cross() {
    let stage = Stage::new();
    let events = stage.mode("several_threads", 0);
    let library = dist().join("libglebe.so");
    let library = library.to_str().expect("a path in UTF-8");
    let options = [
        "--library",
        library,
        "--allocator",
        "glebe",
        "--rounds",
        "1",
    ];
    let finished = stage.replay(&options, &stage.file()).expect_success();
    assert!(finished.stdout.contains("glebe"), "{finished}");
    assert!(events.len() > THREADS * TURNS * 2);
}

#[test]
fn a_recording_that_breaks_off_is_refused() {
    let stage = Stage::new();
    stage.record(&[], &["sh", "-c", "exit 0"]).expect_success();
    let bytes = std::fs::read(stage.file()).expect("a recording");
    let short = stage.folder.path().join("short.glbt");
    std::fs::write(&short, &bytes[..bytes.len() - 5]).expect("a file");
    let finished = stage.replay(&[], &short);
    assert_eq!(finished.status.and_then(|status| status.code()), Some(2));
    for words in ["short.glbt", "breaks off", "record or copy it again"] {
        assert!(finished.stderr.contains(words), "{finished}");
    }
}

#[test]
fn a_dozen_programs_are_recorded_by_one_command() {
    let stage = Stage::new();
    let folder = stage.folder.path().join("traces");
    let mut glebe = Command::new(command());
    glebe.args(["bench", "traces", "--make"]).arg(&folder);
    let limit = Duration::from_secs(300);
    let finished = Run::new(glebe).time_limit(limit).finish().expect_success();
    assert_eq!(finished.stdout.lines().count(), 12, "{finished}");
    for entry in std::fs::read_dir(&folder).expect("the folder") {
        let path = entry.expect("a file").path();
        let events = recording::read(std::fs::File::open(&path).expect("a recording"));
        let events = events.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // What the shell does before it becomes the program is the least of it.
        assert!(
            events.len() > 2000,
            "{} events in {}",
            events.len(),
            path.display()
        );
    }
}
