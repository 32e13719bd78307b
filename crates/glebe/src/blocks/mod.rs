//! Where memory comes from.
//!
//! The hosted engine asks the system for one reservation and opens it bit by bit ([`system`]).

pub mod clock;
pub mod system;
