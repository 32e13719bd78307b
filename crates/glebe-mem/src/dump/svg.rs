//! The same as a picture: a bar for each range, blocks as wide as their share of it.
//!
//! Blocks too narrow to be seen are drawn together as one, in a colour between used and free. Past
//! the first few hundred ranges the rest are only counted.

use super::out::Out;
use super::picture::{Part, Picture, Shown, fragmentation, is_used, state_word};
use core::fmt::{self, Write};

/// All in pixels.
const MARGIN: usize = 16;
const WIDTH: usize = 1024;
const BAR: usize = 24;
const LINE: usize = 20;
/// A line of text, a bar, and the space below.
const ROW: usize = LINE + BAR + 8;
/// A shape is no narrower than this part of a pixel.
const PARTS: u128 = 2;

/// Ranges that are drawn.
const DRAWN: usize = 256;

const STYLE: &str = "text{font:13px sans-serif;fill:#222}.used{fill:#2b6cb0}.single{fill:#553c9a}\
                     .free{fill:#e2e8f0}.torn{fill:#c53030}.mixed{fill:#7fa7d0}\
                     .paper{fill:#fff}\
                     .used,.free,.single{stroke:#fff;stroke-width:.6}";

/// What the drawing needs to know before it begins.
struct Frame {
    /// Bytes of the ranges that are drawn.
    lengths: [usize; DRAWN],
    /// All ranges.
    ranges: usize,
}

impl Frame {
    fn of(picture: &Picture) -> Result<Frame, fmt::Error> {
        let mut frame = Frame {
            lengths: [0; DRAWN],
            ranges: 0,
        };
        for part in picture.parts {
            picture.blocks(part, &mut |shown| {
                frame.ranges += usize::from(shown.is_first);
                if let Some(length) = frame.lengths.get_mut(frame.ranges - 1) {
                    *length += shown.block.stride;
                }
                Ok(())
            })?;
        }
        Ok(frame)
    }

    fn height(&self, parts: usize) -> usize {
        2 * MARGIN + (parts + 3) * LINE + self.ranges.min(DRAWN) * ROW
    }
}

pub fn write(picture: &Picture, out: &mut Out) -> fmt::Result {
    let frame = Frame::of(picture)?;
    let (width, height) = (WIDTH + 2 * MARGIN, frame.height(picture.parts.len()));
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">"
    )?;
    writeln!(out, "<title>glebe pool</title>\n<style>{STYLE}</style>")?;
    writeln!(
        out,
        "<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>"
    )?;
    let mut canvas = Canvas {
        out,
        y: MARGIN,
        number: 0,
        bar: None,
    };
    for part in picture.parts {
        canvas.part(picture, part, &frame)?;
    }
    canvas.sums(picture, &frame)?;
    writeln!(out, "</svg>")
}

struct Canvas<'a> {
    out: &'a mut Out,
    /// The top of what is drawn next.
    y: usize,
    /// How many ranges were begun.
    number: usize,
    bar: Option<Bar>,
}

/// The bar that is being drawn, with the blocks gathered for its next shape.
struct Bar {
    length: usize,
    /// Where the gathered blocks begin, their bytes and number, and the bytes of those in use.
    from: usize,
    bytes: usize,
    blocks: usize,
    used: usize,
}

impl Bar {
    const fn new(length: usize) -> Bar {
        Bar {
            length,
            from: 0,
            bytes: 0,
            blocks: 0,
            used: 0,
        }
    }

    fn is_wide(&self, bytes: usize) -> bool {
        bytes as u128 * WIDTH as u128 * PARTS >= self.length as u128
    }

    /// Pixels, with thousandths, to the left of a byte.
    fn x(&self, bytes: usize) -> Pixels {
        Pixels(bytes as u128 * WIDTH as u128 * 1000 / self.length.max(1) as u128)
    }
}

/// Thousandths of a pixel.
struct Pixels(u128);

impl fmt::Display for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl Canvas<'_> {
    fn text(&mut self, text: fmt::Arguments) -> fmt::Result {
        self.y += LINE;
        writeln!(
            self.out,
            "<text x=\"{MARGIN}\" y=\"{}\">{text}</text>",
            self.y - 6
        )
    }

    fn part(&mut self, picture: &Picture, part: &Part, frame: &Frame) -> fmt::Result {
        self.text(format_args!("{part}"))?;
        picture.blocks(part, &mut |shown| {
            if shown.is_first {
                self.end_bar()?;
                self.begin_bar(picture, shown, frame)?;
            }
            self.block(picture, shown)
        })?;
        self.end_bar()
    }

    fn begin_bar(&mut self, picture: &Picture, shown: &Shown, frame: &Frame) -> fmt::Result {
        self.number += 1;
        let Some(&length) = frame.lengths.get(self.number - 1) else {
            return Ok(());
        };
        let at = picture.address(shown);
        self.text(format_args!(
            "range {}: {length} bytes from {at}",
            shown.range
        ))?;
        self.bar = Some(Bar::new(length));
        Ok(())
    }

    fn end_bar(&mut self) -> fmt::Result {
        self.shape(None)?;
        if self.bar.take().is_some() {
            self.y += ROW - LINE;
        }
        Ok(())
    }

    fn block(&mut self, picture: &Picture, shown: &Shown) -> fmt::Result {
        let stride = shown.block.stride;
        let Some(is_wide) = self.bar.as_ref().map(|bar| bar.is_wide(stride)) else {
            return Ok(());
        };
        if is_wide {
            self.shape(None)?;
        }
        let Some(bar) = &mut self.bar else {
            return Ok(());
        };
        bar.bytes += stride;
        bar.blocks += 1;
        bar.used += if is_used(shown.block.state) {
            stride
        } else {
            0
        };
        if is_wide || bar.is_wide(bar.bytes) {
            let alone = bar.blocks == 1;
            self.shape(alone.then_some((picture, shown)))?;
        }
        Ok(())
    }

    /// Draws what was gathered: one block, if it is `alone`, or several.
    fn shape(&mut self, alone: Option<(&Picture, &Shown)>) -> fmt::Result {
        let Some(bar) = self.bar.as_mut().filter(|bar| bar.bytes != 0) else {
            return Ok(());
        };
        let (left, right) = (bar.x(bar.from), bar.x(bar.from + bar.bytes));
        let width = Pixels(right.0 - left.0);
        let class = match alone {
            Some((_, shown)) => state_word(shown.block.state),
            None if bar.used == bar.bytes => "used",
            None if bar.used == 0 => "free",
            None => "mixed",
        };
        let y = self.y;
        write!(
            self.out,
            "<rect class=\"{class}\" x=\"{}\" y=\"{y}\"",
            left.behind_margin()
        )?;
        write!(self.out, " width=\"{width}\" height=\"{BAR}\"><title>")?;
        match alone {
            Some((picture, shown)) => {
                let (at, size) = (picture.address(shown), shown.block.usable);
                write!(self.out, "{at}: {size} bytes, {class}")?;
            }
            None => write!(self.out, "{} blocks, {} bytes", bar.blocks, bar.bytes)?,
        }
        *bar = Bar {
            from: bar.from + bar.bytes,
            ..Bar::new(bar.length)
        };
        writeln!(self.out, "</title></rect>")
    }

    fn sums(&mut self, picture: &Picture, frame: &Frame) -> fmt::Result {
        if frame.ranges > DRAWN {
            self.text(format_args!("and {} more ranges", frame.ranges - DRAWN))?;
        }
        let sum = picture.totals();
        let share = fragmentation(&sum);
        self.text(format_args!(
            "used {} bytes in {} blocks, free {} in {}, largest free {}, fragmentation {}.{} %",
            sum.live_bytes,
            sum.live_blocks,
            sum.free_bytes,
            sum.free_blocks,
            sum.largest_free,
            share / 10,
            share % 10
        ))?;
        self.text(format_args!(
            "used: blue; in a grant of its own: violet; free: grey"
        ))
    }
}

impl Pixels {
    fn behind_margin(&self) -> Pixels {
        Pixels(self.0 + MARGIN as u128 * 1000)
    }
}
