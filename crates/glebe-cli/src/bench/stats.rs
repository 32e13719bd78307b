//! The few statistics a comparison needs. Everything compared is a ratio, so that means are
//! geometric and differences are judged on a logarithmic scale.

use serde::Serialize;

/// A median with what lies around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The middle value, or the mean of the two middle ones.
    pub median: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Spread {
    /// Of some values; `None` of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Self { median, min, max })
    }
}

/// The geometric mean of positive values; `None` of none.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0u32);
    for value in values {
        debug_assert!(value > 0.0, "a ratio is positive");
        sum += value.ln();
        count += 1;
    }
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

/// How a ratio stands to 1, given the noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Less than 1 by more than the noise.
    Ahead,
    /// Within the noise.
    Level,
    /// More than 1 by more than the noise.
    Behind,
}

/// Differences below this are not claimed, however quiet the null arm.
pub const LEAST_NOISE: f64 = 0.03;

impl Verdict {
    /// Judges `ratio`; `null` is the ratio that the same library got against itself.
    pub fn of(ratio: f64, null: Option<f64>) -> Self {
        let noise = null
            .map_or(0.0, |null| null.ln().abs())
            .max((1.0 + LEAST_NOISE).ln());
        match ratio.ln() {
            log if log < -noise => Self::Ahead,
            log if log > noise => Self::Behind,
            _ => Self::Level,
        }
    }

    /// The word for the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::Level => "level",
            Self::Behind => "behind",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middle_values() {
        let odd = Spread::of([5.0, 1.0, 3.0]).unwrap();
        assert_eq!(
            odd,
            Spread {
                median: 3.0,
                min: 1.0,
                max: 5.0
            }
        );
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 9.0]).unwrap().median, 3.0);
        assert_eq!(Spread::of([7.0]).unwrap().median, 7.0);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn twice_and_half_average_to_one() {
        let mean = geometric_mean([2.0, 0.5]).unwrap();
        assert!((mean - 1.0).abs() < 1e-12, "{mean}");
        let mean = geometric_mean([1.0, 10.0, 100.0]).unwrap();
        assert!((mean - 10.0).abs() < 1e-9, "{mean}");
        assert_eq!(geometric_mean([]), None);
    }

    #[test]
    fn a_verdict_needs_more_than_the_noise() {
        assert_eq!(Verdict::of(0.98, None), Verdict::Level);
        assert_eq!(Verdict::of(0.95, None), Verdict::Ahead);
        assert_eq!(Verdict::of(1.05, Some(1.0)), Verdict::Behind);
        assert_eq!(Verdict::of(1.05, Some(1.10)), Verdict::Level);
        assert_eq!(Verdict::of(0.95, Some(0.90)), Verdict::Level);
        assert_eq!(Verdict::of(0.80, Some(0.90)), Verdict::Ahead);
    }
}
