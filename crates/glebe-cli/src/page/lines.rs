//! Lines over the number of live blocks as inline SVG, both scales logarithmic. As wide as a phone,
//! so that letters keep their size; wide screens show several side by side.

use maud::{Markup, html};

use super::parts::{Lines, Series};
use crate::words;

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 270.0;
const LEFT: f64 = 42.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 34.0;

/// A logarithmic scale: from values to places.
#[derive(Debug, Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// Whole powers of ten around the values.
    fn around(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Scale {
        let low = values
            .clone()
            .fold(f64::INFINITY, f64::min)
            .max(0.1)
            .log10()
            .floor();
        let high = values.fold(0.1, f64::max).log10().ceil().max(low + 1.0);
        Scale {
            low,
            high,
            from,
            to,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value.max(0.1).log10() - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        (self.low as i32..=self.high as i32).map(|power| 10_f64.powi(power))
    }
}

/// The plot and its key.
pub fn figure(plot: &Lines) -> Markup {
    let points = || plot.series.iter().flat_map(|line| line.points.iter());
    let x = Scale::around(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let y = Scale::around(points().map(|point| point.1), HEIGHT - BOTTOM, TOP);
    html! {
        figure {
            figcaption { (plot.title) }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(plot.title) {
                @for tick in y.ticks() {
                    line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT)
                        y1=(at(y.place(tick))) y2=(at(y.place(tick))) {}
                    text class="tick" text-anchor="end" x=(LEFT - 6.0)
                        y=(at(y.place(tick) + 4.0)) { (tick_text(tick)) }
                }
                @for tick in x.ticks() {
                    text class="tick" text-anchor="middle" x=(at(x.place(tick)))
                        y=(HEIGHT - BOTTOM + 16.0) { (tick_text(tick)) }
                }
                text class="tick" text-anchor="end" x=(WIDTH - RIGHT) y=(HEIGHT - 3.0) {
                    "live blocks (logarithmic)"
                }
                text class="tick" x="2" y="11" { (plot.unit) " (logarithmic)" }
                @for line in &plot.series { (series(line, x, y)) }
            }
            ul class="legend" {
                @for line in &plot.series {
                    li {
                        svg class="swatch" viewBox="0 0 24 8" aria-hidden="true" {
                            line class=(class(line)) x1="0" x2="24" y1="4" y2="4" {}
                        }
                        (line.name)
                    }
                }
            }
        }
    }
}

fn series(line: &Series, x: Scale, y: Scale) -> Markup {
    let places = line
        .points
        .iter()
        .map(|point| (x.place(point.0), y.place(point.1)));
    let path: Vec<String> = places.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    html! {
        polyline class=(class(line)) points=(path.join(" ")) {}
        @for point in &line.points {
            circle class={ "dot c" (line.colour) } r="2.6" cx=(at(x.place(point.0)))
                cy=(at(y.place(point.1))) {
                title {
                    (line.name) ", " (words::count(point.0 as usize)) " live: "
                    (words::figure(point.1))
                }
            }
        }
    }
}

fn class(line: &Series) -> String {
    let dashed = if line.dashed { " dashed" } else { "" };
    format!("line c{}{dashed}", line.colour)
}

fn at(place: f64) -> String {
    format!("{place:.1}")
}

fn tick_text(value: f64) -> String {
    match value {
        _ if value >= 1e6 => format!("{}M", value / 1e6),
        _ if value >= 1e3 => format!("{}k", value / 1e3),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_begin_and_end_at_powers_of_ten() {
        let scale = Scale::around([30.0, 4000.0].into_iter(), 0.0, 300.0);
        assert_eq!(
            scale.ticks().collect::<Vec<_>>(),
            [10.0, 100.0, 1000.0, 10_000.0]
        );
        assert!((scale.place(100.0) - 100.0).abs() < 1e-9);
        assert!((scale.place(10_000.0) - 300.0).abs() < 1e-9);
    }
}
