//! What the libraries ask for and offer; the header in C and C++; a program without a C library.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use glebe_tests::root;
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol};

use crate::program::{Link, Program, dist, include};

/// All functions of the header.
const OFFERED: [&str; 15] = [
    "mem_alloc",
    "mem_alloc_clear",
    "mem_block_alloc",
    "mem_block_free",
    "mem_dump",
    "mem_dump_to",
    "mem_free",
    "mem_init",
    "mem_realloc",
    "mem_resize",
    "mem_trim",
    "os_calloc",
    "os_free",
    "os_malloc",
    "os_realloc",
];

/// What must be there: functions that compilers call on their own.
const NEEDED: [&str; 5] = ["memcmp", "bcmp", "memcpy", "memmove", "memset"];

/// What is used if it is there.
const WEAK: [&str; 5] = ["__errno_location", "abort", "fflush", "sbrk", "stdout"];

#[test]
fn the_static_library_calls_no_allocator() {
    let bytes = fs::read(dist().join("libglebe_mem.a")).expect("the library was built");
    let archive = ArchiveFile::parse(&*bytes).expect("an archive");
    let (mut defined, mut strong, mut weak) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for member in archive.members() {
        // A copy, as members lie at even addresses only.
        let data = member
            .expect("a member")
            .data(&*bytes)
            .expect("its bytes")
            .to_vec();
        let file = object::File::parse(&*data).expect("an object file");
        for symbol in file.symbols().filter(|symbol| !symbol.is_local()) {
            let name = symbol.name().expect("a name").to_string();
            match (symbol.is_undefined(), symbol.is_weak()) {
                (false, _) => defined.insert(name),
                (true, true) => weak.insert(name),
                (true, false) => strong.insert(name),
            };
        }
    }
    let open = |set: &BTreeSet<String>, allowed: &[&str]| -> Vec<String> {
        let outside = set.difference(&defined).filter(|name| !name.is_empty());
        outside
            .filter(|name| !allowed.contains(&name.as_str()))
            .cloned()
            .collect()
    };
    assert_eq!(
        open(&strong, &NEEDED),
        [""; 0],
        "asked for, and may not be missing"
    );
    assert_eq!(open(&weak, &WEAK), [""; 0], "asked for");
    let missing: Vec<_> = OFFERED
        .iter()
        .filter(|name| !defined.contains(**name))
        .collect();
    assert!(missing.is_empty(), "not offered: {missing:?}");
    let names = weak.iter().chain(&strong);
    let heap = names.filter(|name| name.ends_with("alloc") || name.ends_with("free"));
    let heap: Vec<_> = heap.filter(|name| !defined.contains(*name)).collect();
    assert!(heap.is_empty(), "a call for memory: {heap:?}");
}

#[test]
fn the_dynamic_library_offers_just_the_functions() {
    let bytes = fs::read(dist().join("libglebe_mem.so")).expect("the library was built");
    let file = object::File::parse(&*bytes).expect("a shared library");
    let symbols = file
        .dynamic_symbols()
        .filter(|symbol| !symbol.is_undefined());
    let offered: BTreeSet<&str> = symbols
        .map(|symbol| symbol.name().expect("a name"))
        .collect();
    assert_eq!(offered, BTreeSet::from(OFFERED));
}

/// `libglebe.so`, which is preloaded into strangers, has none of these names.
#[test]
fn the_preloaded_library_has_none_of_the_names() {
    let listed = fs::read_to_string(root().join("tests/exported-symbols.txt")).expect("the list");
    for name in OFFERED {
        assert!(!listed.lines().any(|line| line.trim() == name), "{name}");
    }
}

#[test]
fn a_program_without_a_c_library() {
    let flags = [
        "-O1",
        "-g",
        "-nostdlib",
        "-static",
        "-ffreestanding",
        "-fno-stack-protector",
        "-Wall",
        "-Wextra",
        "-Werror",
    ];
    let program = Program::compile("gcc", "tests/programs/pools_bare.c", &flags, Link::Static);
    let output = program.output(&[]);
    assert!(output.starts_with("glebe pool: best fit, inline tags, blocks by kernel\n"));
}

/// A program that is linked statically with its C library, too.
#[test]
fn a_static_program() {
    let mut flags = glebe_tests::program::c_flags();
    flags.push("-static");
    let program = Program::compile("gcc", "tests/programs/pools.c", &flags, Link::Static);
    for mode in [
        "every_pool",
        "beside_malloc_and_sbrk",
        "blocks_without_a_kernel",
    ] {
        program.output(&[mode]);
    }
}

/// The header alone, as strictly as compilers can be.
#[track_caller]
fn compiles(compiler: &str, standard: &str, language: &str, more: &[&str]) {
    let mut command = Command::new(compiler);
    command.args([
        standard,
        "-x",
        language,
        "-fsyntax-only",
        "-pedantic-errors",
        "-Wall",
    ]);
    command
        .args(["-Wextra", "-Wshadow", "-Werror"])
        .args(more)
        .arg("-I")
        .arg(include());
    command.arg(include().join("glebe_mem.h"));
    let output = command.output().expect("the compiler starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{compiler} {standard} {more:?}:\n{errors}"
    );
}

#[test]
fn the_header_is_c_and_cpp() {
    for strict in [&[][..], &["-DGLEBE_MEM_STRICT"]] {
        for standard in ["-std=c99", "-std=c11", "-std=gnu17", "-std=c2x"] {
            compiles("gcc", standard, "c-header", strict);
        }
        for standard in ["-std=c++11", "-std=c++20"] {
            compiles("g++", standard, "c++-header", strict);
        }
    }
    // With the variadic macros that all compilers of the time had.
    compiles(
        "g++",
        "-std=gnu++98",
        "c++-header",
        &["-Wno-variadic-macros"],
    );
}

/// With GLEBE_MEM_STRICT compilers find what they find of malloc.
#[test]
fn strict_makes_compilers_warn() {
    let source = "#include <glebe_mem.h>\n\
                  int main(void) { char *p = mem_alloc(4); mem_free(p); return p[0]; }\n";
    for (flag, warns) in [("-DGLEBE_MEM_STRICT", true), ("-DNOTHING", false)] {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("strict.c");
        fs::write(&file, source).expect("a file can be written");
        let output = Command::new("gcc")
            .args(["-O2", "-Wall", flag, "-c", "-o", "/dev/null", "-I"])
            .arg(include())
            .arg(&file)
            .output()
            .expect("gcc starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        assert_eq!(
            errors.contains("-Wuse-after-free"),
            warns,
            "{flag}: {errors}"
        );
    }
}

/// `glebe.h` brings the declarations along where their header is there, unless it may not.
#[test]
fn glebe_h_includes_the_header() {
    let glebe = root().join("crates/glebe-malloc/include");
    let source = "#include <glebe.h>\n#ifdef MEM_BLOCK_SIZE\n#error there\n#endif\n";
    for (flags, there) in [(&[][..], true), (&["-DGLEBE_NO_MEM"], false)] {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("both.c");
        fs::write(&file, source).expect("a file can be written");
        let mut command = Command::new("gcc");
        command
            .arg("-fsyntax-only")
            .args(flags)
            .arg("-I")
            .arg(&glebe)
            .arg("-I")
            .arg(include());
        let output = command.arg(&file).output().expect("gcc starts");
        assert_eq!(!output.status.success(), there, "{flags:?}");
    }
}
