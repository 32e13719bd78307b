//! Gets the peers' sources: cargo fetches the crates that carry them, pinned by `peers/Cargo.lock`.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

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

/// Has cargo fetch the sources and say where they are.
pub fn fetch() -> Result<BTreeMap<String, Package>> {
    let checkout = checkout().context(
        "no peers/Cargo.toml above this command or the current folder; \
         the peers are built from a checkout of the repository",
    )?;
    let manifest = checkout.join("peers/Cargo.toml");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
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
