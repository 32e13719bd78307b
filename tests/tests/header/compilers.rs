//! The header as compilers see it: standards, warnings about misuse, and what the optimiser knows.
use std::fs;
use std::process::Command;

use crate::{Installed, STRICT, pattern, succeeds};

/// Nothing is included before it, it is included twice, and nothing is defined for it.
#[test]
fn every_standard_takes_the_header() {
    let installed = Installed::new();
    let more: &[(&str, &[&str], &[&str])] = &[
        (
            "gcc",
            &["c99", "c11", "c17", "c2x", "gnu17"],
            &[
                "-Wc++-compat",
                "-Wstrict-prototypes",
                "-Wmissing-prototypes",
            ],
        ),
        (
            "g++",
            &["c++98", "c++11", "c++17", "c++20", "c++23"],
            &["-Wold-style-cast", "-Wzero-as-null-pointer-constant"],
        ),
    ];
    for (compiler, standards, warnings) in more {
        let language = if *compiler == "gcc" { "c" } else { "c++" };
        for standard in *standards {
            let mut command = Command::new(compiler);
            command.arg(format!("-std={standard}"));
            command.args(STRICT).args(*warnings);
            command.args(["-Wconversion", "-Wshadow", "-Wundef", "-fsyntax-only"]);
            command.arg("-include").arg(installed.header());
            command.args(["-x", language]).arg(installed.header());
            succeeds(command);
        }
    }
}

/// What the compiler says of a function body, with the header included.
fn diagnosed(body: &str, flags: &[&str]) -> String {
    let installed = Installed::new();
    let file = installed.folder.path().join("misuse.c");
    let text = format!("#include <glebe.h>\n#include <string.h>\nvoid *f(void **p) {{ {body} }}\n");
    fs::write(&file, text).expect("the file can be written");
    let mut command = Command::new("gcc");
    command.args([
        "-std=c99",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Wno-unused-parameter",
        "-S",
    ]);
    command.args(["-o", "/dev/null"]).args(flags);
    command.arg("-I").arg(installed.at("include")).arg(&file);
    succeeds(command).stderr
}

/// Which of the two depends on gcc's version.
const OVERFLOW: &str = "-Wstringop-overflow|-Warray-bounds";

/// Each attribute is there if the compiler finds the mistake that it is for.
#[test]
fn compilers_warn_of_misuse() {
    let misuses = [
        ("glebe_malloc(9); return 0;", "-Wunused-result"),
        ("glebe_realloc(p, 9); return 0;", "-Wunused-result"),
        (
            "glebe_posix_memalign(p, 64, 9); return 0;",
            "-Wunused-result",
        ),
        (
            "return 0 + glebe_posix_memalign(0, 64, 9) ? p : 0;",
            "-Wnonnull",
        ),
        ("return p + glebe_malloc_info(0, 0);", "-Wnonnull"),
        (
            "char *b = glebe_malloc(9); memset(b, 0, 20); return b;",
            OVERFLOW,
        ),
        (
            "char *b = glebe_calloc(3, 3); memset(b, 0, 20); return b;",
            OVERFLOW,
        ),
        (
            "char *b = glebe_memalign(64, 9); memset(b, 0, 20); return b;",
            OVERFLOW,
        ),
        (
            "void *b = glebe_malloc(9); glebe_free(b); return b;",
            "-Wuse-after-free",
        ),
        ("glebe_free(malloc(9)); return 0;", "-Wmismatched-dealloc"),
        (
            "glebe_free((char *)glebe_malloc(9) + 4); return p;",
            "-Wfree-nonheap-object",
        ),
    ];
    for (body, warning) in misuses {
        let said = diagnosed(body, &["-D_GNU_SOURCE"]);
        assert!(
            pattern(warning).is_match(&said),
            "no {warning} for {body}\n{said}"
        );
    }
}

#[test]
fn compilers_do_not_warn_of_what_is_right() {
    let right = [
        "free(glebe_malloc(9)); return p;",
        "void *b = glebe_realloc(*p, 20); if (!b) glebe_free(*p); return b;",
        "glebe_free_sized(glebe_calloc(3, 3), 9); return p;",
        "glebe_free_aligned_sized(glebe_aligned_alloc(64, 9), 64, 9); return p;",
        "return glebe_posix_memalign(p, 64, 9) ? 0 : *p;",
        "size_t n = glebe_malloc_usable_size(p); return (char *)p + n;",
    ];
    for body in right {
        assert_eq!(diagnosed(body, &["-D_GNU_SOURCE"]), "", "{body}");
    }
    let mixed = "glebe_free(malloc(9)); return p;";
    let unpaired = diagnosed(mixed, &["-D_GNU_SOURCE", "-DGLEBE_NO_PAIRING"]);
    assert_eq!(unpaired, "", "{mixed}");
}

/// The optimiser may rely on an alignment: a test of it is decided at compile time.
#[test]
fn compilers_know_the_alignment() {
    let calls = [
        "glebe_malloc(9) & 15",
        "glebe_realloc(p, 9) & 15",
        "glebe_aligned_alloc(256, 9) & 255",
        "glebe_memalign(256, 9) & 255",
        "glebe_valloc(9) & 4095",
    ];
    for call in calls {
        let assembly = assembly_of(call);
        assert!(!assembly.contains("never_called"), "{call}:\n{assembly}");
    }
    let unknown = assembly_of("glebe_malloc(9) & 31");
    assert!(unknown.contains("never_called"), "the judge:\n{unknown}");
}

fn assembly_of(call: &str) -> String {
    let installed = Installed::new();
    let file = installed.folder.path().join("aligned.c");
    let text = format!(
        "#include <glebe.h>\n#include <stdint.h>\nvoid never_called(void);\n\
         void f(void *p) {{ (void)p; if ((uintptr_t){call}) never_called(); }}\n"
    );
    fs::write(&file, text).expect("the file can be written");
    let mut command = Command::new("gcc");
    command.args(["-std=c99", "-O2", "-S", "-o", "-"]);
    command.arg("-I").arg(installed.at("include")).arg(&file);
    succeeds(command).stdout
}
