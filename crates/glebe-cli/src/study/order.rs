//! [`Order`]: what a study is asked to do.

use std::collections::BTreeSet;

use clap::ValueEnum;

use crate::arms::Name;

/// A part of the study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Question {
    /// What alloc and free cost.
    A,
    /// Fragmentation.
    B,
    /// Locality.
    C,
    /// What realloc saves.
    D,
    /// The targets.
    E,
}

/// What is to be done.
#[derive(Debug)]
pub struct Order {
    /// These parts.
    pub questions: BTreeSet<Question>,
    /// Of these arms.
    pub arms: Vec<Name>,
    /// Seed of sizes and choices.
    pub seed: u64,
    /// Short runs.
    pub quick: bool,
}
