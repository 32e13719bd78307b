//! The arms of a comparison: the allocator itself, its peers, and where each one's library is.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize, Serializer};

use super::child::{self, Failure};
use super::peers;
use crate::library::{self, LibraryError};

/// Where Debian puts the libraries of its packages.
const DEBIAN_FOLDER: &str = "/usr/lib/x86_64-linux-gnu";

/// The name of the allocator that the comparison is about.
pub const SUBJECT: &str = "glebe";

/// What an arm is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The allocator that the comparison is about.
    Subject,
    /// Counts for "best peer".
    Peer,
    /// Trades speed for safety; shown, but not counted for "best peer".
    Hardened,
    /// The base again, under a second name: its ratio to the base is the noise.
    Null,
    /// Named by the user with `--with`; shown, but not counted for "best peer".
    Extra,
}

/// One arm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Allocator {
    /// Its column in the report.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What to preload; nothing for glibc. Written as seen from the current folder: results are
    /// for others to read.
    #[serde(serialize_with = "as_seen_from_here")]
    pub library: Option<PathBuf>,
    /// Its version, once known.
    pub version: Option<String>,
}

fn as_seen_from_here<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    let here = std::env::current_dir().unwrap_or_default();
    let seen = |path: &PathBuf| path.strip_prefix(&here).unwrap_or(path).to_owned();
    path.as_ref().map(seen).serialize(to)
}

/// An arm or a row that cannot run here, and what to do about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Absent {
    /// Its name.
    pub name: String,
    /// How to get it.
    pub remedy: String,
}

enum Origin {
    Nothing,
    Built,
    Debian {
        file: &'static str,
        package: &'static str,
    },
}

const BUILT: Origin = Origin::Built;

/// The peers, in the order of the report.
const PEERS: [(&str, Role, Origin); 11] = [
    ("glibc", Role::Peer, Origin::Nothing),
    ("mimalloc3", Role::Peer, BUILT),
    ("snmalloc", Role::Peer, BUILT),
    ("rpmalloc", Role::Peer, BUILT),
    ("jemalloc", Role::Peer, BUILT),
    ("google-tcmalloc", Role::Peer, BUILT),
    (
        "tcmalloc",
        Role::Peer,
        Origin::Debian {
            file: "libtcmalloc_minimal.so.4",
            package: "libtcmalloc-minimal4",
        },
    ),
    (
        "mimalloc2",
        Role::Peer,
        Origin::Debian {
            file: "libmimalloc.so.2.0",
            package: "libmimalloc2.0",
        },
    ),
    (
        "jemalloc-deb",
        Role::Peer,
        Origin::Debian {
            file: "libjemalloc.so.2",
            package: "libjemalloc2",
        },
    ),
    ("mimalloc3-secure", Role::Hardened, BUILT),
    ("snmalloc-checks", Role::Hardened, BUILT),
];

/// What the user says about the allocators to compare.
#[derive(clap::Args, Debug, Clone)]
pub struct Ask {
    /// One more library to compare, under a name of its own; may be repeated. Only suites of
    /// preloaded libraries can
    #[arg(long, value_name = "NAME=PATH")]
    pub with: Vec<String>,
    /// The libglebe.so to measure instead of the one found beside this command
    #[arg(long, value_name = "PATH")]
    pub library: Option<PathBuf>,
}

impl Ask {
    /// Whether the user named no library.
    pub fn is_empty(&self) -> bool {
        self.with.is_empty() && self.library.is_none()
    }
}

/// What is here and what is not.
#[derive(Default)]
pub struct Line {
    /// Arms that can run.
    pub present: Vec<Allocator>,
    /// Arms that cannot.
    pub absent: Vec<Absent>,
}

/// Finds every library of the catalogue and those that the user names.
pub fn line(ask: &Ask) -> Result<Line> {
    let mut line = Line::default();
    match library::find(ask.library.as_deref()) {
        Ok(path) => line.add(SUBJECT, Role::Subject, Some(path)),
        Err(LibraryError::NotFound(_)) => {
            let remedy = "build it with `cargo build --release -p glebe-malloc`, or name it with \
                          --library PATH";
            line.absent.push(Absent {
                name: SUBJECT.into(),
                remedy: remedy.into(),
            });
        }
        Err(error) => return Err(error.into()),
    }
    for (name, role, origin) in PEERS {
        match locate(name, &origin) {
            Ok(library) => line.add(name, role, library),
            Err(remedy) => line.absent.push(Absent {
                name: name.into(),
                remedy,
            }),
        }
    }
    for argument in &ask.with {
        let Some((name, path)) = argument
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
        else {
            bail!("--with takes NAME=PATH, not {argument:?}");
        };
        if line.present.iter().any(|arm| arm.name == name) {
            bail!("--with {argument}: there is already an allocator {name}");
        }
        line.add(
            name,
            Role::Extra,
            Some(library::named("--with", Path::new(path))?),
        );
    }
    Ok(line)
}

impl Line {
    /// One more that can run.
    pub fn add(&mut self, name: &str, role: Role, library: Option<PathBuf>) {
        self.present.push(Allocator {
            name: name.into(),
            role,
            library,
            version: None,
        });
    }

    /// Keeps the arms that match one of `filters`, and always the base; puts the null arm behind
    /// the base.
    pub fn choose(&mut self, filters: &[String], base: &str) -> Result<()> {
        let wanted = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f));
        self.present
            .retain(|arm| arm.name == base || wanted(&arm.name));
        self.absent
            .retain(|arm| arm.name == base || wanted(&arm.name));
        if let Some(absent) = self.absent.iter().find(|arm| arm.name == base) {
            bail!(
                "the base {base} is not here: {}\n(or choose another with --base)",
                absent.remedy
            );
        }
        let Some(place) = self.present.iter().position(|arm| arm.name == base) else {
            bail!("no allocator is named {base}; --list shows those there are");
        };
        let mut null = self.present[place].clone();
        null.name = null_name(base);
        null.role = Role::Null;
        self.present.insert(place + 1, null);
        Ok(())
    }
}

/// Checks that programs start with `arm` preloaded, and asks for its version.
pub fn probe(arm: &Allocator) -> io::Result<Result<Option<String>, Failure>> {
    let identity = child::identify(arm.library.as_deref())?;
    Ok(identity.map(|found| found.version.or_else(|| peers::crate_version(&arm.name))))
}

/// The name of the null arm.
pub fn null_name(base: &str) -> String {
    format!("{base}/null")
}

fn locate(name: &str, origin: &Origin) -> Result<Option<PathBuf>, String> {
    match origin {
        Origin::Nothing => Ok(None),
        Origin::Built => match peers::product(name) {
            Some(path) => Ok(Some(path)),
            None => Err(peers::REMEDY.into()),
        },
        Origin::Debian { file, package } => {
            let path = Path::new(DEBIAN_FOLDER).join(file);
            let found = library::named("the Debian package", &path);
            found
                .map(Some)
                .map_err(|_| format!("install it with `apt-get install {package}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(name: &str) -> Allocator {
        Allocator {
            name: name.into(),
            role: Role::Peer,
            library: None,
            version: None,
        }
    }

    fn names(line: &Line) -> Vec<&str> {
        line.present.iter().map(|arm| arm.name.as_str()).collect()
    }

    #[test]
    fn the_base_stays_and_gets_a_null_arm() {
        let present = ["glebe", "glibc", "mimalloc3", "snmalloc"].map(arm).into();
        let mut line = Line {
            present,
            absent: Vec::new(),
        };
        line.choose(&["gleb".into()], "mimalloc3").unwrap();
        assert_eq!(names(&line), ["glebe", "mimalloc3", "mimalloc3/null"]);
        assert_eq!(line.present[2].role, Role::Null);
    }

    #[test]
    fn an_absent_base_says_how_to_get_it() {
        let absent = vec![Absent {
            name: "mimalloc3".into(),
            remedy: "build it".into(),
        }];
        let mut line = Line {
            present: vec![arm("glibc")],
            absent,
        };
        let error = line.choose(&["glibc".into()], "mimalloc3").unwrap_err();
        assert!(error.to_string().contains("build it"), "{error}");
        assert!(line.choose(&[], "nothing").is_err());
    }

    #[test]
    fn names_of_the_catalogue_are_unique() {
        let mut names: Vec<_> = PEERS.iter().map(|(name, ..)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PEERS.len());
    }
}
