//! The answers in words, from the figures: no figure is written here before it is measured. A file
//! for each question, and one for how the study was made.

mod compare;
mod cost;
mod fragmentation;
mod growth;
mod locality;
mod setting;
mod targets;

pub use cost::cost;
pub use fragmentation::fragmentation;
pub use growth::growth;
pub use locality::locality;
pub use setting::setting;
pub use targets::targets;
