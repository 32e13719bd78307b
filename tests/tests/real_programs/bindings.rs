//! Proof that a program's allocator calls reach the library: the dynamic linker's own report of
//! which file every symbol was bound to (`LD_DEBUG=bindings`).
//!
//! A memory map shows only that the library is loaded. A program linked to another allocator, such
//! as Debian's redis-server to jemalloc, or one with an allocator inside must be told apart. An
//! executable at a fixed address that takes `&free` lends its own stub to everybody (GCC, Node.js):
//! such a binding counts as the library's when the stub itself was bound to the library.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::stage::Stage;

/// The calls that must all reach the same allocator.
const FAMILY: [&str; 9] = [
    "malloc",
    "calloc",
    "realloc",
    "free",
    "aligned_alloc",
    "memalign",
    "posix_memalign",
    "malloc_usable_size",
    "valloc",
];

/// One line of the linker's report.
struct Binding {
    from: String,
    to: String,
    symbol: String,
}

/// Runs `command` to success under the linker's eye and demands that every allocator call of every
/// file in the process goes to the library. Without the library the command runs all the same.
pub fn assert_all_bound(stage: &Stage, command: &mut Command) {
    assert_bound_except(stage, command, &[]);
}

/// The same for processes among which some programs bring an allocator of their own: calls that
/// were bound to a file named in `exceptions` are not looked at.
pub fn assert_bound_except(stage: &Stage, command: &mut Command, exceptions: &[&str]) {
    let name = command.get_program().to_string_lossy().into_owned();
    let bindings = observed(stage, command);
    let Some(library) = stage.preload() else {
        return;
    };
    for needed in ["malloc", "free"] {
        assert!(
            bindings
                .iter()
                .any(|b| b.symbol == needed && Path::new(&b.to) == library),
            "no `{needed}` of {name} was bound to the library: is the program statically linked?"
        );
    }
    let through = |file: &str, symbol: &str| {
        bindings
            .iter()
            .any(|b| b.from == file && b.symbol == symbol && Path::new(&b.to) == library)
    };
    let stray = bindings.iter().find(|b| {
        Path::new(&b.to) != library
            && !through(&b.to, &b.symbol)
            && !exceptions.iter().any(|file| b.to.ends_with(file))
    });
    if let Some(Binding { from, to, symbol }) = stray {
        panic!(
            "{name}: `{symbol}` of {from} is bound to {to}, not to {}",
            library.display()
        );
    }
}

/// Every binding of an allocator call, in `command` and in all it starts.
fn observed(stage: &Stage, command: &mut Command) -> Vec<Binding> {
    let reports = tempfile::tempdir().expect("a folder for the linker's reports");
    command.env("LD_DEBUG", "bindings").env("LD_BIND_NOW", "1");
    command.env("LD_DEBUG_OUTPUT", reports.path().join("ld"));
    stage.run_unrecorded(command);
    let files = fs::read_dir(reports.path()).expect("the reports' folder can be read");
    let text = files.map(|file| fs::read(file.expect("a report").path()).expect("a report"));
    let text: Vec<u8> = text.flatten().collect();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(parse)
        .collect()
}

/// `   7: binding file /a [0] to /b [0]: normal symbol `malloc' [GLIBC_2.2.5]`
fn parse(line: &str) -> Option<Binding> {
    let (from, rest) = line.split_once("binding file ")?.1.split_once(" [0] to ")?;
    let (to, rest) = rest.split_once(" [0]: normal symbol `")?;
    let (symbol, _) = rest.split_once('\'')?;
    FAMILY.contains(&symbol).then(|| Binding {
        from: from.to_owned(),
        to: to.to_owned(),
        symbol: symbol.to_owned(),
    })
}
