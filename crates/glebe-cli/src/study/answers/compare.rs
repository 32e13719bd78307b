//! What answers compare: pools by policy, and the arms with the least and the most.

use std::cmp::Ordering;

use strum::IntoEnumIterator;

use crate::arms::{Fit, Name, Supplier, Tags};
use crate::words::list;

/// The pool over a fixed range.
pub fn pool(fit: Fit, tags: Tags) -> Name {
    Name::Pool(fit, tags, Supplier::Fixed)
}

/// Name and value of the arm with the least, and of that with the most; the first of equals.
pub fn extremes(values: impl Iterator<Item = (Name, f64)> + Clone) -> Option<[(Name, f64); 2]> {
    let pick = |wanted: Ordering| {
        values
            .clone()
            .reduce(|best, one| match one.1.total_cmp(&best.1) {
                order if order == wanted => one,
                _ => best,
            })
    };
    Some([pick(Ordering::Less)?, pick(Ordering::Greater)?])
}

/// What `tell` says of each policy, joined.
pub fn by_policy(tell: impl Fn(Fit) -> Option<String>) -> Option<String> {
    let told: Vec<String> = Fit::iter().filter_map(tell).collect();
    (!told.is_empty()).then(|| list(&told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_the_first_of_equals() {
        let [one, two, three] = ["talc", "rlsf", "buddy"].map(|name| name.parse().unwrap());
        let values = [(one, 2.0), (two, 1.0), (three, 2.0)];
        assert_eq!(extremes(values.into_iter()), Some([(two, 1.0), (one, 2.0)]));
        assert_eq!(extremes(std::iter::empty()), None);
    }
}
