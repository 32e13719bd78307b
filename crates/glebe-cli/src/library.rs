//! Finds the allocator's shared library and makes the `LD_PRELOAD` value that loads it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::elf::{self, Elf, Image};

/// Names the variable that points at the library when it is in no usual place.
pub const LIBRARY_VARIABLE: &str = "GLEBE_LIBRARY";

/// The development name and the one that a runtime package installs.
const FILE_NAMES: [&str; 2] = ["libglebe.so", "libglebe.so.1"];

/// The recorder, which lies where the library does.
const RECORDER: &str = "libglebe_record.so";

/// Where packages and `make install` put it, after the folders around the command itself.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64"];

/// Why no usable library was found. The text tells the user what to do next.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// Nothing in any of the places searched.
    #[error(
        "cannot find libglebe.so (looked in {})\n\
         Build it with `cargo build --release -p glebe-malloc`, or name it with --library PATH \
         or {LIBRARY_VARIABLE}=PATH.",
        .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NotFound(Vec<PathBuf>),
    /// The recorder is in none of them.
    #[error(
        "cannot find {RECORDER} (looked in {})\n\
         Build it with `cargo build --release -p glebe-record`.",
        .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoRecorder(Vec<PathBuf>),
    /// A path was named, and it cannot be read.
    #[error("cannot use {1} from {0}: {2}")]
    Unreadable(&'static str, String, std::io::Error),
    /// The file is no shared library of this machine.
    #[error("{0} is not a 64-bit x86-64 shared library; it cannot be preloaded")]
    NotALibrary(String),
    /// The dynamic linker splits `LD_PRELOAD` at blanks and colons and has no quoting.
    #[error(
        "the path {0} holds a blank or a colon, at which LD_PRELOAD is split; \
         copy or link the library to a path without them and name it with --library"
    )]
    Unquotable(String),
}

/// Finds the library: `explicit`, else the variable, else the first usual place that has one.
pub fn find(explicit: Option<&Path>) -> Result<PathBuf, LibraryError> {
    if let Some(path) = explicit {
        return named("--library", path);
    }
    if let Some(path) = std::env::var_os(LIBRARY_VARIABLE).filter(|value| !value.is_empty()) {
        return named(LIBRARY_VARIABLE, Path::new(&path));
    }
    let folders = folders(std::env::current_exe().ok().as_deref());
    match search(&folders, &FILE_NAMES) {
        Some(path) => named("the search path", &path),
        None => Err(LibraryError::NotFound(folders)),
    }
}

/// Finds the recorder in the first usual place that has it.
pub fn recorder() -> Result<PathBuf, LibraryError> {
    let folders = folders(std::env::current_exe().ok().as_deref());
    match search(&folders, &[RECORDER]) {
        Some(path) => named("the search path", &path),
        None => Err(LibraryError::NoRecorder(folders)),
    }
}

/// The folders searched, first choice first.
fn folders(executable: Option<&Path>) -> Vec<PathBuf> {
    let beside = executable.and_then(Path::parent);
    let around = beside.into_iter().flat_map(|folder| {
        [
            folder.to_owned(),
            folder.join("../lib"),
            folder.join("../lib/glebe"),
        ]
    });
    around.chain(SYSTEM_FOLDERS.map(PathBuf::from)).collect()
}

fn search(folders: &[PathBuf], names: &[&str]) -> Option<PathBuf> {
    folders
        .iter()
        .flat_map(|folder| names.iter().map(|name| folder.join(name)))
        .find(|path| path.is_file())
}

/// Checks a library that was named by the user or found.
pub fn named(origin: &'static str, path: &Path) -> Result<PathBuf, LibraryError> {
    let shown = || path.display().to_string();
    let unreadable = |error| LibraryError::Unreadable(origin, shown(), error);
    let full = path.canonicalize().map_err(unreadable)?;
    match elf::inspect(&full).map_err(unreadable)? {
        Image::Elf(image) if image.is_native() && image.is_shared() => {}
        _ => return Err(LibraryError::NotALibrary(shown())),
    }
    if full
        .as_os_str()
        .as_bytes()
        .iter()
        .any(|byte| b" \t\n:".contains(byte))
    {
        return Err(LibraryError::Unquotable(full.display().to_string()));
    }
    Ok(full)
}

/// The headers of a library that [`find`] has accepted.
pub fn headers(path: &Path) -> Option<Elf> {
    match elf::inspect(path) {
        Ok(Image::Elf(image)) => Some(image),
        _ => None,
    }
}

/// The `LD_PRELOAD` value with `library` first and what was there before kept behind it.
pub fn preload_value(library: &Path, before: Option<&OsStr>) -> OsString {
    let mut value = library.as_os_str().to_owned();
    let is_separator = |byte: &u8| b" \t\n:".contains(byte);
    for entry in before
        .map(OsStr::as_bytes)
        .unwrap_or_default()
        .split(is_separator)
    {
        if !entry.is_empty() && entry != library.as_os_str().as_bytes() {
            value.push(":");
            value.push(OsStr::from_bytes(entry));
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_start_beside_the_executable() {
        let folders = folders(Some(Path::new("/opt/glebe/bin/glebe")));
        assert_eq!(folders[0], Path::new("/opt/glebe/bin"));
        assert_eq!(folders[1], Path::new("/opt/glebe/bin/../lib"));
        assert_eq!(folders[2], Path::new("/opt/glebe/bin/../lib/glebe"));
        assert_eq!(folders.len(), 3 + SYSTEM_FOLDERS.len());
    }

    #[test]
    fn the_first_folder_wins_and_the_runtime_name_counts() {
        let root = tempfile::tempdir().unwrap();
        let places = [
            root.path().join("a"),
            root.path().join("b"),
            root.path().join("c"),
        ];
        for place in &places {
            std::fs::create_dir(place).unwrap();
        }
        assert_eq!(search(&places, &FILE_NAMES), None);
        std::fs::write(places[2].join("libglebe.so"), b"").unwrap();
        std::fs::write(places[1].join("libglebe.so.1"), b"").unwrap();
        let found = search(&places, &FILE_NAMES);
        assert_eq!(found, Some(places[1].join("libglebe.so.1")));
    }

    #[test]
    fn a_named_file_must_be_a_library() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("libglebe.so");
        std::fs::write(&text, "not a library").unwrap();
        assert!(matches!(
            named("--library", &text),
            Err(LibraryError::NotALibrary(_))
        ));
        let missing = folder.path().join("missing.so");
        let error = named("--library", &missing).unwrap_err();
        assert!(error.to_string().contains("from --library"), "{error}");
    }

    #[test]
    fn a_path_that_ld_preload_would_split_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("with blank.so");
        std::fs::copy(std::env::current_exe().unwrap(), &library).unwrap();
        assert!(matches!(
            named("--library", &library),
            Err(LibraryError::Unquotable(_))
        ));
    }

    #[test]
    fn preload_keeps_what_was_there_and_names_the_library_once() {
        let library = Path::new("/l/libglebe.so");
        let with = |before: &str| preload_value(library, Some(OsStr::new(before)));
        assert_eq!(preload_value(library, None), "/l/libglebe.so");
        assert_eq!(with(""), "/l/libglebe.so");
        assert_eq!(with("/a.so /b.so"), "/l/libglebe.so:/a.so:/b.so");
        assert_eq!(with("/a.so:/l/libglebe.so"), "/l/libglebe.so:/a.so");
    }
}
