//! The programs in `examples/`: each is compiled as its first comment says, with all warnings as
//! errors, and checks itself by `assert`.

use std::process::Command;

use glebe_tests::program::c_flags;
use glebe_tests::root;

use crate::program::{Link, Program, dist};

/// Each program, and the last line it prints.
const EXAMPLES: [(&str, &str); 5] = [
    ("kernel_blocks", "kernel_blocks: all tests passed"),
    ("break_and_mmap", "break_and_mmap: all as described"),
    (
        "boundary_tags",
        "boundary_tags: all as described, and the break is where it was",
    ),
    ("growing_heap", "5. all is freed: the heap is 0 KiB again"),
    (
        "first_fit_pool",
        "map [................................................................]",
    ),
];

fn passes(link: Link) {
    for (name, last) in EXAMPLES {
        let program = Program::compile("cc", &format!("examples/{name}.c"), &c_flags(), link);
        let output = program.output(&[]);
        let end = output.lines().last().unwrap_or_default();
        assert!(end.starts_with(last), "{name} ended with {end:?}");
    }
}

#[test]
fn with_the_static_library() {
    passes(Link::Static);
}

/// The definitions of `mem_block_alloc` in a program come before the library's there, too.
#[test]
fn with_the_dynamic_library() {
    passes(Link::Dynamic);
}

/// Every program of the folder is in the list above, and in its Makefile, which works.
#[test]
fn the_makefile_knows_all_of_them() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut found = 0;
    for entry in std::fs::read_dir(root().join("examples")).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        if path.extension().is_some_and(|ending| ending == "c") || name == "Makefile" {
            std::fs::copy(&path, folder.path().join(name)).expect("a copy");
            found += usize::from(name != "Makefile");
        }
    }
    assert_eq!(found, EXAMPLES.len());
    let library = dist().join("libglebe_mem.a");
    let mut make = Command::new("make");
    make.arg("-C").arg(folder.path()).arg("check");
    make.arg(format!("LIBRARY={}", library.display()));
    make.arg(format!("INCLUDE={}", crate::program::include().display()));
    let output = make.env_remove("LD_PRELOAD").output().expect("make starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for (name, last) in EXAMPLES {
        assert!(printed.contains(last), "{name}: {printed}");
    }
}
