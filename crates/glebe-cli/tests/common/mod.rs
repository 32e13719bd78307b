//! Small libraries and programs compiled for the tests, so that they need no allocator.

#![allow(
    dead_code,
    reason = "each test program uses its own part of this module"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder on the file system of the build: `/tmp` may be mounted without setuid programs.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// The command under test, without the variables that would change what it does.
pub fn glebe() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glebe"));
    for variable in ["LD_PRELOAD", "GLEBE_LIBRARY", "GLEBE_STATS", "GLEBE_PEERS"] {
        command.env_remove(variable);
    }
    command
}

/// Compiles a C program or, with `-shared`, a library.
pub fn compile(folder: &Path, name: &str, flags: &[&str], source: &str) -> PathBuf {
    let (input, output) = (folder.join(format!("{name}.c")), folder.join(name));
    std::fs::write(&input, source).unwrap();
    let mut command = Command::new("cc");
    command.args(flags).arg("-o").arg(&output).arg(&input);
    let result = command
        .output()
        .expect("the tests need a C compiler (apt-get install gcc)");
    assert!(
        result.status.success(),
        "{}",
        String::from_utf8_lossy(&result.stderr)
    );
    output
}

/// A library that says so on standard error when it is loaded into a program.
pub fn marker(folder: &Path, name: &str) -> PathBuf {
    let source = format!(
        "#include <unistd.h>\n\
         __attribute__((constructor)) static void loaded(void) {{\n\
             if (write(2, \"{name}\\n\", {length}) < 0) _exit(99);\n\
         }}\n",
        length = name.len() + 1
    );
    compile(
        folder,
        &format!("{name}.so"),
        &["-shared", "-fPIC"],
        &source,
    )
}

/// An allocator that forwards to glibc, but ends the process at the given number of frees.
pub fn crashing(folder: &Path, frees: u32) -> PathBuf {
    let source = format!(
        "#include <stdlib.h>\n\
         extern void *__libc_malloc(size_t), *__libc_realloc(void *, size_t);\n\
         extern void __libc_free(void *);\n\
         static unsigned frees;\n\
         void *malloc(size_t n) {{ return __libc_malloc(n); }}\n\
         void *realloc(void *p, size_t n) {{ return __libc_realloc(p, n); }}\n\
         void free(void *p) {{ if (++frees == {frees}) abort(); __libc_free(p); }}\n"
    );
    compile(
        folder,
        &format!("crash-{frees}.so"),
        &["-shared", "-fPIC"],
        &source,
    )
}

/// Writes a file with the given mode.
pub fn file(folder: &Path, name: &str, mode: u32, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What `--json -` wrote.
pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", stdout(output), stderr(output)))
}
