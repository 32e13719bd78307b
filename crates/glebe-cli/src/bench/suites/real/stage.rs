//! [`Stage`]: the folder of a row, with its inputs.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use glebe_trace::rng::Rng;
use nix::unistd::{Uid, User};

use crate::bench::suite::Effort;

/// A quick run does this part of the work.
const QUICK_SHARE: u64 = 5;

/// See the module's text.
#[derive(Debug)]
pub struct Stage {
    folder: PathBuf,
    effort: Effort,
    /// The user and the group that own the folder and run the program, if not this process's.
    pub owner: Option<(u32, u32)>,
}

impl Stage {
    /// A new folder in `parent`.
    pub fn new(parent: &Path, name: &str, effort: Effort) -> io::Result<Self> {
        let folder = parent.join(name);
        fs::create_dir(&folder)?;
        Ok(Self {
            folder,
            effort,
            owner: None,
        })
    }

    /// For a program that refuses to run as root: root gives the folder to `nobody`.
    pub fn leave_root(&mut self) -> io::Result<()> {
        if Uid::effective().is_root() {
            let nobody = User::from_name("nobody")?;
            let nobody = nobody.ok_or_else(|| io::Error::other("there is no user `nobody`"))?;
            let (user, group) = (nobody.uid.as_raw(), nobody.gid.as_raw());
            chown(&self.folder, Some(user), Some(group))?;
            self.owner = Some((user, group));
        }
        Ok(())
    }

    /// Where the program works.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The size of a run whose whole size is this.
    pub fn size(&self, whole: u64) -> u64 {
        if self.effort.quick {
            whole / QUICK_SHARE
        } else {
            whole
        }
    }

    /// The seed, small enough for any program.
    pub fn seed(&self) -> u64 {
        self.effort.seed & 0x7fff_ffff
    }

    /// Choices for an input.
    pub fn rng(&self) -> Rng {
        Rng::new(self.effort.seed)
    }

    /// Writes an input file.
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.folder.join(name), text)
    }

    /// Writes an input file piece by piece.
    pub fn generate(
        &self,
        name: &str,
        body: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(self.folder.join(name))?);
        body(&mut file)?;
        file.flush()
    }
}

/// Lets every user read below a folder of ours.
pub fn open_to_all(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}
