//! Decides whether a program can run on a preloaded allocator, and says why when it cannot.
//!
//! The program is looked up as `execvp` would, then followed through its interpreter lines (and
//! through `env`) to the ELF image that the kernel will start in the end. That image must have a
//! dynamic linker of this machine's kind, and must not be one for which the dynamic linker ignores
//! `LD_PRELOAD` (setuid, setgid, file capabilities).

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, Gid, Uid, access};

use crate::elf::{self, Elf, Image, Script};

/// The kernel gives up after this many interpreters.
const CHAIN_LIMIT: usize = 5;
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const SHELL: &str = "/bin/sh";

/// Why a program cannot be run. Each text is a full sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// No such program.
    #[error("{0}: no such program{1}")]
    NotFound(String, &'static str),
    /// It exists, but cannot be executed.
    #[error("{0}: {1}")]
    NotExecutable(String, String),
    /// It could run, but not on a preloaded allocator.
    #[error("{0}: {1}")]
    Unsuitable(String, String),
}

fn not_executable(path: &Path, why: impl Into<String>) -> ProgramError {
    ProgramError::NotExecutable(path.display().to_string(), why.into())
}

fn unsuitable(path: &Path, why: impl Into<String>) -> ProgramError {
    ProgramError::Unsuitable(path.display().to_string(), why.into())
}

/// Looks `name` up as `execvp` does: a name with a slash is a path, else `PATH` is searched.
pub fn resolve(name: &OsStr, search: Option<&OsStr>) -> Result<PathBuf, ProgramError> {
    let shown = || name.to_string_lossy().into_owned();
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return match check_executable(&path) {
            Ok(()) => Ok(path),
            Err(error) if is_missing(&error) => Err(ProgramError::NotFound(shown(), "")),
            Err(error) => Err(not_executable(&path, why_not_executable(&path, &error))),
        };
    }
    let mut refused = None;
    for folder in std::env::split_paths(search.unwrap_or(OsStr::new(DEFAULT_PATH))) {
        // An empty entry means the current folder.
        let path = Path::new(".").join(folder).join(name);
        match check_executable(&path) {
            Ok(()) => return Ok(path),
            Err(error) if is_missing(&error) => {}
            Err(error) => {
                refused.get_or_insert_with(|| {
                    not_executable(&path, why_not_executable(&path, &error))
                });
            }
        }
    }
    Err(refused.unwrap_or_else(|| ProgramError::NotFound(shown(), " in PATH")))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn check_executable(path: &Path) -> io::Result<()> {
    if path.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(access(path, AccessFlags::X_OK)?)
}

fn why_not_executable(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::IsADirectory => "is a folder, not a program".into(),
        io::ErrorKind::PermissionDenied => {
            format!(
                "permission denied; is it a program? (chmod +x {})",
                path.display()
            )
        }
        _ => error.to_string(),
    }
}

/// Follows `path` to the ELF image that will run and checks that a library can be preloaded into
/// it. `library` is the one that will be, when its headers could be read.
pub fn check(path: &Path, library: Option<&Elf>) -> Result<(), ProgramError> {
    let mut path = path.to_owned();
    for _ in 0..CHAIN_LIMIT {
        let image = match elf::inspect(&path) {
            Ok(image) => image,
            // Executable but not readable: the kernel can start it, we cannot judge it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
            Err(error) => return Err(not_executable(&path, error.to_string())),
        };
        path = match image {
            Image::Elf(image) => return check_elf(&path, &image, library),
            Image::Script(script) => next_interpreter(&path, &script)?,
            // execvp hands a text without an interpreter line to the shell.
            Image::Unknown { text: true } => PathBuf::from(SHELL),
            Image::Unknown { text: false } => {
                return Err(not_executable(
                    &path,
                    "is neither an ELF program nor a script",
                ));
            }
        };
    }
    Err(not_executable(
        &path,
        "too many interpreters, one behind the other",
    ))
}

fn next_interpreter(script: &Path, line: &Script) -> Result<PathBuf, ProgramError> {
    let interpreter = &line.interpreter;
    check_executable(interpreter).map_err(|error| {
        let why = format!(
            "its interpreter {} cannot run: {error}",
            interpreter.display()
        );
        not_executable(script, why)
    })?;
    let through_env = interpreter.file_name() == Some(OsStr::new("env"));
    let Some(name) = line
        .argument
        .as_deref()
        .filter(|_| through_env)
        .and_then(env_program)
    else {
        return Ok(interpreter.clone());
    };
    // env itself reports a program that it does not find; only one that is there is followed.
    let search = std::env::var_os("PATH");
    Ok(resolve(OsStr::from_bytes(name), search.as_deref()).unwrap_or(interpreter.clone()))
}

/// The program that `env` will run, given the rest of an interpreter line: the first word that is
/// neither an option nor an assignment.
fn env_program(argument: &[u8]) -> Option<&[u8]> {
    argument
        .split(|byte| b" \t".contains(byte))
        .map(|word| word.strip_prefix(b"-S").unwrap_or(word))
        .find(|word| !word.is_empty() && !word.starts_with(b"-") && !word.contains(&b'='))
}

fn check_elf(path: &Path, image: &Elf, library: Option<&Elf>) -> Result<(), ProgramError> {
    if !image.is_native() {
        let why = format!(
            "is a {} program, and the allocator is built for 64-bit x86-64 only",
            image.machine_name()
        );
        return Err(unsuitable(path, why));
    }
    let Some(loader) = &image.loader else {
        if image.is_loader() {
            return Ok(());
        }
        return Err(unsuitable(
            path,
            "is statically linked: it has no dynamic linker, so no library can be preloaded \
             into it. Link it dynamically, or link it with libglebe.a (Rust: the glebe crate)",
        ));
    };
    let foreign = loader
        .file_name()
        .is_some_and(|name| name.as_bytes().starts_with(b"ld-musl"));
    let for_glibc = library.is_some_and(|image| image.needed.iter().any(|n| n == "libc.so.6"));
    if foreign && for_glibc {
        return Err(unsuitable(
            path,
            "is linked with musl, and the library with glibc; build libglebe.so for \
             x86_64-unknown-linux-musl and name it with --library",
        ));
    }
    let metadata = path
        .metadata()
        .map_err(|error| not_executable(path, error.to_string()))?;
    match secure_execution(path, &metadata) {
        Some(why) => Err(unsuitable(
            path,
            format!("{why}, and the dynamic linker ignores LD_PRELOAD for such programs; {ADVICE}"),
        )),
        None => Ok(()),
    }
}

const ADVICE: &str = "run a copy without the privilege (cp drops it), or link it with libglebe";

/// Why the kernel would start the program in secure mode, if it would (see `ld.so(8)`).
fn secure_execution(path: &Path, metadata: &Metadata) -> Option<String> {
    let ignored = statvfs(path).is_ok_and(|fs| fs.flags().contains(FsFlags::ST_NOSUID));
    if ignored {
        return None;
    }
    let mode = metadata.permissions().mode();
    let privileges_blocked = nix::sys::prctl::get_no_new_privs().unwrap_or(false);
    if !privileges_blocked {
        let (uid, gid) = (Uid::current(), Gid::current());
        if mode & libc::S_ISUID != 0 && metadata.uid() != uid.as_raw() {
            return Some(format!("is setuid to user {}", metadata.uid()));
        }
        let setgid = libc::S_ISGID | libc::S_IXGRP;
        if mode & setgid == setgid && metadata.gid() != gid.as_raw() {
            return Some(format!("is setgid to group {}", metadata.gid()));
        }
    }
    let capable = xattr::get(path, "security.capability")
        .ok()
        .flatten()
        .is_some();
    (capable && !Uid::effective().is_root()).then(|| "has file capabilities".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn file(folder: &Path, name: &str, mode: u32, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn lookup_prefers_a_later_program_to_an_earlier_plain_file() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        file(first.path(), "tool", 0o644, "");
        let both = std::env::join_paths([first.path(), second.path()]).unwrap();
        let name = OsStr::new("tool");
        let refused = resolve(name, Some(&both)).unwrap_err();
        assert!(
            matches!(refused, ProgramError::NotExecutable(..)),
            "{refused}"
        );
        let wanted = file(second.path(), "tool", 0o755, "");
        assert_eq!(resolve(name, Some(&both)).unwrap(), wanted);
        let missing = resolve(OsStr::new("no-such-tool"), Some(&both)).unwrap_err();
        assert_eq!(missing.to_string(), "no-such-tool: no such program in PATH");
    }

    #[test]
    fn a_folder_is_no_program() {
        let folder = tempfile::tempdir().unwrap();
        let error = resolve(folder.path().as_os_str(), None).unwrap_err();
        assert!(error.to_string().contains("is a folder"), "{error}");
    }

    #[test]
    fn env_lines_name_the_program_behind_options_and_assignments() {
        assert_eq!(env_program(b"python3"), Some(&b"python3"[..]));
        assert_eq!(env_program(b"-S A=1 perl -w"), Some(&b"perl"[..]));
        assert_eq!(env_program(b"-Sperl -w"), Some(&b"perl"[..]));
        assert_eq!(env_program(b"-i"), None);
    }

    #[test]
    fn scripts_are_followed_and_loops_end() {
        let folder = tempfile::tempdir().unwrap();
        let outer = folder.path().join("outer");
        let inner = file(folder.path(), "inner", 0o755, "#!/bin/sh\n");
        file(
            folder.path(),
            "outer",
            0o755,
            &format!("#!{}\n", inner.display()),
        );
        check(&outer, None).unwrap();
        file(
            folder.path(),
            "inner",
            0o755,
            &format!("#!{}\n", outer.display()),
        );
        let error = check(&outer, None).unwrap_err();
        assert!(
            error.to_string().contains("too many interpreters"),
            "{error}"
        );
        let lost = file(folder.path(), "lost", 0o755, "#!/no/such/interpreter\n");
        let error = check(&lost, None).unwrap_err();
        assert!(
            error.to_string().contains("/no/such/interpreter"),
            "{error}"
        );
    }

    #[test]
    fn text_without_a_line_goes_to_the_shell_and_data_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        check(&file(folder.path(), "text", 0o755, "echo hello\n"), None).unwrap();
        let data = file(folder.path(), "data", 0o755, "\0\0\0\0");
        assert!(matches!(
            check(&data, None),
            Err(ProgramError::NotExecutable(..))
        ));
    }
}
