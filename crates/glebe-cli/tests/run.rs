//! `glebe run` from outside: what passes through untouched, and how each refusal reads and exits.

mod common;

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use common::{compile, file, folder, glebe, marker, stderr, stdout};

struct Stage {
    folder: tempfile::TempDir,
    library: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let folder = folder();
        let library = marker(folder.path(), "preloaded");
        Self { folder, library }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run<S: AsRef<OsStr>>(&self, command: &[S]) -> Output {
        let mut glebe = glebe();
        glebe
            .args(["run", "--library"])
            .arg(&self.library)
            .arg("--")
            .args(command);
        glebe.output().unwrap()
    }

    /// Runs `command`, which must be refused with `status` and a message that has all of `words`.
    fn refuses<S: AsRef<OsStr>>(&self, command: &[S], status: i32, words: &[&str]) {
        let output = self.run(command);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(status), "{message}");
        assert!(message.starts_with("glebe run: "), "{message}");
        for word in words {
            assert!(message.contains(word), "no {word:?} in {message}");
        }
    }

    fn static_program(&self) -> PathBuf {
        compile(
            self.path(),
            "static",
            &["-static"],
            "int main(void) { return 0; }",
        )
    }
}

#[test]
fn the_exit_status_and_the_signal_are_the_programs_own() {
    let stage = Stage::new();
    let output = stage.run(&["sh", "-c", "exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(stderr(&output), "preloaded\n");
    let output = stage.run(&["sh", "-c", "kill -TERM $$"]);
    assert_eq!(output.status.signal(), Some(15));
}

#[test]
fn the_program_takes_the_place_of_the_command() {
    let stage = Stage::new();
    let mut command = glebe();
    command.args(["run", "--library"]).arg(&stage.library);
    command.args(["--", "sh", "-c", "cat; echo $$; echo $0", "name"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"through\n").unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output), format!("through\n{id}\nname\n"));
}

#[test]
fn broken_pipes_end_the_program_as_without_us() {
    let stage = Stage::new();
    let ignored = |output: &Output| {
        let text = stdout(output);
        let mask = text
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:"))
            .unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (13 - 1)) != 0
    };
    assert!(!ignored(&stage.run(&["cat", "/proc/self/status"])));
    // And a caller's choice to ignore the signal is kept.
    let script = format!(
        "trap '' PIPE; exec {} run --library {} cat /proc/self/status",
        env!("CARGO_BIN_EXE_glebe"),
        stage.library.display()
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    assert!(ignored(&output), "{}", stderr(&output));
}

#[test]
fn what_was_preloaded_before_stays_behind_the_library() {
    let stage = Stage::new();
    let other = marker(stage.path(), "other");
    let mut command = glebe();
    command
        .env("LD_PRELOAD", &other)
        .env("GLEBE_LIBRARY", &stage.library);
    let output = command
        .args(["run", "sh", "-c", "echo $LD_PRELOAD"])
        .output()
        .unwrap();
    let expected = format!("{}:{}\n", stage.library.display(), other.display());
    assert_eq!(stdout(&output), expected);
}

#[test]
fn stats_are_asked_for_only_when_wanted() {
    let stage = Stage::new();
    // It names the process that is to print: the program, not what the program starts.
    let show = ["sh", "-c", "echo [${GLEBE_STATS:+$((GLEBE_STATS - $$))}]"];
    assert_eq!(stdout(&stage.run(&show)), "[]\n");
    let mut command = glebe();
    command
        .args(["run", "--stats", "--library"])
        .arg(&stage.library)
        .args(show);
    assert_eq!(stdout(&command.output().unwrap()), "[0]\n");
}

#[test]
fn arguments_that_look_like_ours_belong_to_the_program() {
    let stage = Stage::new();
    assert_eq!(
        stdout(&stage.run(&["echo", "--stats", "--help"])),
        "--stats --help\n"
    );
    let mut command = glebe();
    command
        .args(["run", "--library"])
        .arg(&stage.library)
        .args(["echo", "--stats"]);
    assert_eq!(stdout(&command.output().unwrap()), "--stats\n");
}

#[test]
fn a_missing_program_is_127_and_a_plain_file_126() {
    let stage = Stage::new();
    stage.refuses(&["no-such-program"], 127, &["no such program in PATH"]);
    stage.refuses(&["./no/such/program"], 127, &["no such program"]);
    let plain = file(stage.path(), "plain", 0o644, b"#!/bin/sh\n");
    stage.refuses(&[&plain], 126, &["chmod +x"]);
    let data = file(stage.path(), "data", 0o755, &[0; 64]);
    stage.refuses(&[&data], 126, &["neither an ELF program nor a script"]);
    stage.refuses(&[stage.path()], 126, &["is a folder"]);
}

#[test]
fn failures_of_our_own_are_125() {
    let stage = Stage::new();
    let output = glebe()
        .args(["run", "--library", "/no/such.so", "true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(
        stderr(&output).contains("/no/such.so"),
        "{}",
        stderr(&output)
    );
    let text = file(stage.path(), "text.so", 0o644, b"text");
    let output = glebe()
        .env("GLEBE_LIBRARY", text)
        .args(["run", "true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(
        stderr(&output).contains("shared library"),
        "{}",
        stderr(&output)
    );
    for usage in [&["run"][..], &["run", "--no-such-option", "true"]] {
        let mut command = glebe();
        command.env("GLEBE_LIBRARY", &stage.library).args(usage);
        assert_eq!(command.output().unwrap().status.code(), Some(125));
    }
}

#[test]
fn static_programs_are_refused_directly_and_behind_a_script() {
    let stage = Stage::new();
    let program = stage.static_program();
    stage.refuses(&[&program], 125, &["statically linked", "libglebe.a"]);
    let line = format!("#!{}\n", program.display());
    let script = file(stage.path(), "script", 0o755, line.as_bytes());
    stage.refuses(&[&script], 125, &["statically linked"]);
    let line = format!("#!/usr/bin/env {}\n", program.display());
    let script = file(stage.path(), "env-script", 0o755, line.as_bytes());
    stage.refuses(&[&script], 125, &["statically linked"]);
    let pie = ["-static-pie"];
    let program = compile(
        stage.path(),
        "static-pie",
        &pie,
        "int main(void) { return 0; }",
    );
    stage.refuses(&[&program], 125, &["statically linked"]);
}

#[test]
fn other_machines_are_refused_by_name() {
    let stage = Stage::new();
    let mut header = vec![0u8; 52];
    header[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
    (header[16], header[18], header[20]) = (2, 3, 1);
    let program = file(stage.path(), "i386", 0o755, &header);
    stage.refuses(&[&program], 125, &["32-bit x86", "64-bit x86-64 only"]);
}

#[test]
fn privileged_programs_are_refused_because_preloading_would_be_ignored() {
    let stage = Stage::new();
    let program = stage.path().join("privileged");
    std::fs::copy("/bin/true", &program).unwrap();
    let root = nix::unistd::Uid::effective().is_root();
    let program = if root {
        let nobody = nix::unistd::Uid::from_raw(65_534);
        nix::unistd::chown(&program, Some(nobody), None).unwrap();
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o4755);
        let at = nix::fcntl::AT_FDCWD;
        let follow = nix::sys::stat::FchmodatFlags::FollowSymlink;
        nix::sys::stat::fchmodat(at, &program, mode, follow).unwrap();
        program
    } else {
        PathBuf::from("/usr/bin/su")
    };
    stage.refuses(
        &[&program],
        125,
        &["is setuid to user", "ignores LD_PRELOAD"],
    );
}

#[test]
fn scripts_run_with_and_without_an_interpreter_line() {
    let stage = Stage::new();
    let inner = file(
        stage.path(),
        "inner",
        0o755,
        b"#!/bin/sh\necho inner \"$@\"\n",
    );
    let line = format!("#!{} option\n", inner.display());
    let outer = file(stage.path(), "outer", 0o755, line.as_bytes());
    let output = stage.run(&[outer.as_os_str(), OsStr::new("argument")]);
    assert_eq!(
        stdout(&output),
        format!("inner option {} argument\n", outer.display())
    );
    let bare = file(stage.path(), "bare", 0o755, b"echo bare $1\n");
    let output = stage.run(&[bare.as_os_str(), OsStr::new("argument")]);
    assert_eq!(stdout(&output), "bare argument\n");
    assert!(stderr(&output).contains("preloaded"));
}

#[test]
fn programs_are_found_through_path() {
    let stage = Stage::new();
    file(stage.path(), "tool", 0o755, b"#!/bin/sh\necho found\n");
    let mut command = glebe();
    command
        .args(["run", "--library"])
        .arg(&stage.library)
        .arg("tool");
    let output = command.env("PATH", stage.path()).output().unwrap();
    assert_eq!(stdout(&output), "found\n", "{}", stderr(&output));
}
