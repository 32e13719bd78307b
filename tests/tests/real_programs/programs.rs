//! Where the programs under test are, and which Debian package brings each that is missing.

use std::path::{Path, PathBuf};

/// Programs whose Debian package has another name than the program.
const PACKAGES: [(&str, &str); 11] = [
    ("awk", "mawk"),
    ("cargo", "rustup (https://rustup.rs), not a Debian package"),
    ("node", "nodejs"),
    ("python3", "python3"),
    ("find", "findutils"),
    ("sort", "coreutils"),
    ("xz", "xz-utils"),
    ("redis-benchmark", "redis-tools"),
    ("redis-cli", "redis-tools"),
    ("redis-check-rdb", "redis-server"),
    ("g++", "g++"),
];

/// PostgreSQL's programs lie outside the usual path, one folder a version.
const POSTGRES: [&str; 4] = ["initdb", "postgres", "pgbench", "psql"];

/// The full path of `program`, or a panic that says what to install.
pub fn find(program: &str) -> PathBuf {
    let (found, package) = if POSTGRES.contains(&program) {
        (in_postgres(program), "postgresql")
    } else {
        let renamed = PACKAGES.iter().find(|(name, _)| *name == program);
        (
            on_path(program),
            renamed.map_or(program, |(_, package)| package),
        )
    };
    found.unwrap_or_else(|| {
        panic!(
            "`{program}` is not on this machine: `./x setup` installs it (Debian package {package})"
        )
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn in_postgres(program: &str) -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").is_file())
        .collect();
    versions.sort();
    let newest = versions.pop()?;
    Some(newest.join(program)).filter(|file| file.is_file())
}

/// A file of `tests/data/real`.
pub fn data(name: &str) -> PathBuf {
    let file = glebe_tests::root().join("tests/data/real").join(name);
    assert!(
        Path::new(&file).is_file(),
        "{} is missing from the checkout",
        file.display()
    );
    file
}
