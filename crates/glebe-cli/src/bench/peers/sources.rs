//! Gets the peers' sources: cargo fetches the crates that carry them, pinned by `peers/Cargo.lock`.
//! Executables are built by cargo altogether.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The package of the executables.
const PACKAGE: &str = "glebe-peers-rust";

/// A fetched crate.
pub struct Package {
    /// Its version.
    pub version: String,
    /// The folder of its sources.
    pub folder: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

/// The checkout: the nearest folder above the executable or the current folder with a
/// `peers/Cargo.toml`.
pub fn checkout() -> Option<PathBuf> {
    let starts = [env::current_exe().ok(), env::current_dir().ok()];
    starts.iter().flatten().find_map(|start| above(start))
}

fn above(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .find(|folder| folder.join("peers/Cargo.toml").is_file())
        .map(Path::to_owned)
}

/// The manifest of the peers.
fn manifest() -> Result<PathBuf> {
    let checkout = checkout().context(
        "no peers/Cargo.toml above this command or the current folder; \
         the peers are built from a checkout of the repository",
    )?;
    Ok(checkout.join("peers/Cargo.toml"))
}

fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// How cargo builds the executable with a feature, below `target`.
pub fn executable_command(feature: &str, target: &str) -> Result<Vec<OsString>> {
    let mut argv = vec![cargo(), "build".into()];
    argv.extend(["--release", "--locked", "--package", PACKAGE].map(OsString::from));
    argv.extend(["--features", feature, "--target-dir", target].map(OsString::from));
    argv.extend(["--manifest-path".into(), manifest()?.into()]);
    Ok(argv)
}

/// Where cargo then puts it.
pub fn executable_below(target: &Path) -> PathBuf {
    target.join("release").join(PACKAGE)
}

/// The file that the build of a package left there last.
pub fn archive_below(target: &Path, package: &str, file: &str) -> Result<PathBuf> {
    let builds = target.join("release/build");
    let mut left = Vec::new();
    for entry in fs::read_dir(&builds).with_context(|| format!("no {}", builds.display()))? {
        let entry = entry?;
        let of_package = entry.file_name().to_string_lossy().starts_with(package);
        let file = entry.path().join("out").join(file);
        if let Some(made) = file.metadata().ok().filter(|_| of_package) {
            left.push((made.modified()?, file));
        }
    }
    let last = left.into_iter().max().map(|(_, file)| file);
    last.with_context(|| format!("cargo has left no {file} of {package}"))
}

/// Has cargo fetch the sources and say where they are.
pub fn fetch() -> Result<BTreeMap<String, Package>> {
    let manifest = manifest()?;
    let output = Command::new(cargo())
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--all-features",
            "--manifest-path",
        ])
        .arg(&manifest)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo, which fetches the sources of the peers")?;
    if !output.status.success() {
        bail!(
            "cargo could not fetch the crates of {} ({})",
            manifest.display(),
            output.status
        );
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cannot read the output of cargo")?;
    let named = metadata.packages.into_iter().filter_map(|package| {
        let folder = package.manifest_path.parent()?.to_owned();
        Some((
            package.name,
            Package {
                version: package.version,
                folder,
            },
        ))
    });
    Ok(named.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_is_found_from_below() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("target/release");
        std::fs::create_dir_all(&deep).unwrap();
        assert_eq!(above(&deep), None);
        std::fs::create_dir(root.path().join("peers")).unwrap();
        std::fs::write(root.path().join("peers/Cargo.toml"), "[workspace]").unwrap();
        assert_eq!(above(&deep).as_deref(), Some(root.path()));
    }
}
