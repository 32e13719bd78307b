//! What the whole-program tests share: where the library and the command are, built once per
//! test run, and (in [`program`]) how a C or C++ test program is compiled and run under it.

pub mod program;
pub mod run;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the root")
        .to_path_buf()
}

/// Builds `libglebe.so`, `libglebe.a`, the recorder and the `glebe` command in release mode, once,
/// and names their folder. `GLEBE_DIST` names a folder built elsewhere and skips the build.
pub fn dist() -> &'static Path {
    static DIST: OnceLock<PathBuf> = OnceLock::new();
    DIST.get_or_init(|| {
        if let Some(dir) = std::env::var_os("GLEBE_DIST") {
            return dir.into();
        }
        build(&["glebe-malloc", "glebe-record", "glebe-cli"])
    })
}

/// Builds packages in release mode and names the folder with what they make.
pub fn build(packages: &[&str]) -> PathBuf {
    // A target folder of its own: the outer `cargo test` may hold the lock of the usual one.
    let target = root().join("target/dist");
    // One at a time: built together they would share the features of their dependencies, and the
    // libraries do without the standard library.
    for package in packages {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--release", "-p", package, "--target-dir"])
            .arg(&target)
            .current_dir(root())
            .env_remove("LD_PRELOAD")
            .status()
            .expect("cargo starts");
        assert!(status.success(), "building {package} failed");
    }
    target.join("release")
}

/// `libglebe.so`, for `LD_PRELOAD`.
///
/// `GLEBE_TEST_LIBRARY` names another library instead, so that a test can be tried against a peer
/// (`GLEBE_TEST_LIBRARY=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2`); when it is set but empty,
/// nothing is preloaded and the tests run on the system's own allocator.
pub fn library() -> PathBuf {
    if let Some(path) = std::env::var_os("GLEBE_TEST_LIBRARY") {
        return path.into();
    }
    dist().join("libglebe.so")
}

/// The `glebe` command.
pub fn command() -> PathBuf {
    dist().join("glebe")
}
