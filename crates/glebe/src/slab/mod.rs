//! Slabs: runs cut into equal slots of one size class, one bit a slot in A.

pub mod classes;
pub mod remote;
#[cfg(not(loom))]
pub mod words;

pub use classes::{CLASSES, Class, MAX_SLOT};
