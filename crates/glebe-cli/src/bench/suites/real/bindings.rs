//! Proof that a program's `malloc` is the library's: what the dynamic linker itself reports of
//! every process of a short run (`LD_DEBUG=bindings`).
//!
//! A memory map shows only that the library is loaded; a program may have an allocator inside, or
//! be linked to another. An executable that takes the address of `malloc` lends its stub to all
//! others: a binding to it counts when the stub's own is the library's.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::launch::Launch;
use crate::bench::child::Failure;

/// The reports are files of this name and a process id.
const REPORTS: &str = "bindings";

/// Runs the program under the linker's eye, and demands that all its processes use the library.
pub fn check(launch: &Launch) -> io::Result<Result<(), Failure>> {
    let folder = launch.stage.folder();
    if let Err(failure) = launch.run_observed(&folder.join(REPORTS))? {
        return Ok(Err(failure));
    }
    let mut strays = BTreeSet::new();
    let mut reports = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(REPORTS) {
            let report = fs::read(entry.path())?;
            fs::remove_file(entry.path())?;
            reports += 1;
            strays.extend(stray(&String::from_utf8_lossy(&report), launch.library));
        }
    }
    if reports == 0 {
        strays.insert("the dynamic linker reports nothing: is it linked statically?".into());
    }
    Ok(match strays.pop_first() {
        None => Ok(()),
        Some(message) => Err(Failure::new("other malloc", message)),
    })
}

/// The first binding of one process that does not lead to the library.
fn stray(report: &str, library: &Path) -> Option<String> {
    let all: Vec<_> = report.lines().filter_map(binding).collect();
    let is_library = |file: &str| Path::new(file) == library;
    let through = |file: &str| all.iter().any(|(from, to)| *from == file && is_library(to));
    let mut strays = all.iter();
    let stray = strays.find(|(_, to)| !is_library(to) && !through(to));
    let library = library.display();
    match stray {
        Some((from, to)) => Some(format!("malloc of {from} is in {to}, not in {library}")),
        None if all.is_empty() => Some(format!("a process never looks for malloc in {library}")),
        None => None,
    }
}

/// From which file to which one a line says that `malloc` was bound:
/// `   7: binding file a [0] to /b [0]: normal symbol `malloc' [GLIBC_2.2.5]`
fn binding(line: &str) -> Option<(&str, &str)> {
    let (files, symbol) = line.split_once(": normal symbol ")?;
    let (from, to) = files.split_once("binding file ")?.1.split_once(" to ")?;
    let file = |text: &'_ str| text.rfind(" [").map(|end| text[..end].len());
    symbol
        .starts_with("`malloc'")
        .then(|| Some((&from[..file(from)?], &to[..file(to)?])))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(bindings: &[(&str, &str)]) -> Option<String> {
        let line = |(from, to): &(&str, &str)| {
            format!("  7:\tbinding file {from} [0] to {to} [0]: normal symbol `malloc' [V]\n")
        };
        let report: String = bindings.iter().map(line).collect();
        stray(&report, Path::new("/l.so"))
    }

    #[test]
    fn the_library_serves_directly_or_through_a_stub() {
        assert_eq!(judge(&[("a", "/l.so"), ("/libc.so", "/l.so")]), None);
        assert_eq!(judge(&[("/libc.so", "a"), ("a", "/l.so")]), None);
    }

    #[test]
    fn another_allocator_or_none_is_told() {
        let own = judge(&[("a", "a"), ("/libc.so", "a")]).unwrap();
        assert_eq!(own, "malloc of a is in a, not in /l.so");
        let other = judge(&[("a", "/other.so"), ("/l.so", "/l.so")]).unwrap();
        assert!(other.contains("/other.so"), "{other}");
        assert!(judge(&[]).unwrap().contains("never"));
    }
}
