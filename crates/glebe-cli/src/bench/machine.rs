//! What a result needs to be read later: the machine, its kernel, and what else may bear on it.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

/// Prefixes of variables by which users tune allocators. They are passed on, and so recorded.
const TUNING_PREFIXES: [&str; 6] = [
    "GLEBE_",
    "MALLOC_",
    "MIMALLOC_",
    "GLIBC_TUNABLES",
    "TCMALLOC_",
    "SNMALLOC_",
];

/// The machine and its state at the start.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's model name.
    pub cpu: String,
    /// Processors this process may use.
    pub cores: usize,
    /// Memory of the machine in MiB.
    pub memory_mib: u64,
    /// Kernel name, release and machine.
    pub kernel: String,
    /// The mode of transparent huge pages.
    pub huge_pages: String,
    /// The load average over one minute at the start: a busy machine makes noise.
    pub load: String,
    /// Variables of the environment that tune an allocator.
    pub tuning: BTreeMap<String, String>,
}

impl Machine {
    /// Reads it. What cannot be read is "unknown".
    pub fn read() -> Self {
        let unknown = || "unknown".to_owned();
        let line_value = |path: &str, key: &str| {
            let text = fs::read_to_string(path).ok()?;
            let line = text.lines().find(|line| line.starts_with(key))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = line_value("/proc/meminfo", "MemTotal").and_then(|text| {
            let kib: u64 = text.split(' ').next()?.parse().ok()?;
            Some(kib >> 10)
        });
        let huge_pages = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
        let load = fs::read_to_string("/proc/loadavg").ok();
        let load = load.and_then(|text| Some(text.split(' ').next()?.to_owned()));
        Self {
            cpu: line_value("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory.unwrap_or(0),
            kernel: kernel().unwrap_or_else(unknown),
            huge_pages: huge_pages
                .ok()
                .and_then(|t| bracketed(&t))
                .unwrap_or_else(unknown),
            load: load.unwrap_or_else(unknown),
            tuning: std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value)))
                .filter(|(key, _)| TUNING_PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
                .map(|(key, value)| (key, value.to_string_lossy().into_owned()))
                .collect(),
        }
    }

    /// One line for the head of a report.
    pub fn line(&self) -> String {
        format!(
            "{}, {} cores, {} MiB, {}, huge pages {}, load {}",
            self.cpu, self.cores, self.memory_mib, self.kernel, self.huge_pages, self.load
        )
    }
}

fn kernel() -> Option<String> {
    let name = nix::sys::utsname::uname().ok()?;
    let [system, release, machine] = [name.sysname(), name.release(), name.machine()];
    let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
    Some(format!(
        "{} {} {}",
        text(system),
        text(release),
        text(machine)
    ))
}

/// The chosen one of `always [madvise] never`.
fn bracketed(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_mode_is_the_bracketed_one() {
        assert_eq!(
            bracketed("always [madvise] never\n").as_deref(),
            Some("madvise")
        );
        assert_eq!(bracketed("unavailable"), None);
    }

    #[test]
    fn this_machine_has_a_kernel_and_a_core() {
        let machine = Machine::read();
        assert!(
            machine.cores >= 1 && machine.kernel.starts_with("Linux "),
            "{machine:?}"
        );
    }
}
