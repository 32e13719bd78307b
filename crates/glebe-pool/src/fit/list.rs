//! First fit and next fit: one list of all free blocks, doubly linked, by address.
//!
//! A block that is freed beside a free one takes its place in the list. For any other, the place
//! is sought from both sides in turns: along the list from its head, and backwards over the blocks
//! until a free one comes.

use super::{Extent, Fault, Index, NEXT, PREVIOUS, Place, Want, position_in};
use crate::broken::Rule;
use crate::fault::Torn;
use crate::plot::Plot;
use crate::site::Site;
use crate::tags::Tags;
use crate::word::At;

/// The list.
#[derive(Debug)]
struct List {
    head: Option<At>,
}

impl List {
    const EMPTY: List = List { head: None };

    fn set_next<T>(&mut self, site: &Site<T>, of: Option<At>, to: Option<At>) {
        match of {
            None => self.head = to,
            Some(of) => site.set_link(of, NEXT, to),
        }
    }

    /// Puts `new` between two neighbours in the list.
    fn link<T>(&mut self, site: &Site<T>, previous: Option<At>, new: At, next: Option<At>) {
        site.set_link(new, PREVIOUS, previous);
        site.set_link(new, NEXT, next);
        self.set_next(site, previous, Some(new));
        if let Some(next) = next {
            site.set_link(next, PREVIOUS, Some(new));
        }
    }

    fn insert<T: Tags>(&mut self, site: &Site<T>, new: At) -> Result<(), Torn> {
        let previous = self.before(site, new)?;
        let next = match previous {
            None => self.head,
            Some(previous) => site.link(previous, NEXT)?,
        };
        self.link(site, previous, new, next);
        Ok(())
    }

    /// The last block in the list below `at`.
    fn before<T: Tags>(&self, site: &Site<T>, at: At) -> Result<Option<At>, Torn> {
        let mut behind = site.plot(at.0).map(|plot| (plot, at));
        let (mut previous, mut next) = (None, self.head);
        while let Some(node) = next.filter(|node| *node < at) {
            site.step();
            if let Some((plot, block)) = behind {
                behind = step_back::<T>(plot, block)?;
                if let Some((plot, block)) = behind
                    && T::is_free(&plot, block)?
                {
                    return Ok(Some(block));
                }
            }
            previous = next;
            next = site.link(node, NEXT)?;
        }
        Ok(previous)
    }

    fn remove<T: Tags>(&mut self, site: &Site<T>, old: At) -> Result<(), Torn> {
        let (next, previous) = (site.link(old, NEXT)?, site.link(old, PREVIOUS)?);
        if previous.is_none() && self.head != Some(old) {
            return Err(Torn(old));
        }
        self.set_next(site, previous, next);
        if let Some(next) = next {
            site.set_link(next, PREVIOUS, previous);
        }
        Ok(())
    }

    /// Puts `new` where `old` was.
    fn replace<T: Tags>(&mut self, site: &Site<T>, old: At, new: At) -> Result<(), Torn> {
        let (next, previous) = (site.link(old, NEXT)?, site.link(old, PREVIOUS)?);
        self.link(site, previous, new, next);
        Ok(())
    }

    /// The first block from `start` on, and before `end`, in which the request fits.
    fn search<T: Tags>(
        &self,
        site: &Site<T>,
        want: Want,
        start: Option<At>,
        end: Option<At>,
    ) -> Result<Option<Extent>, Torn> {
        let mut next = start;
        while let Some(at) = next.filter(|_| next != end) {
            let block = (at, site.free_stride(at)?);
            if want.fit::<T>(block).is_some() {
                return Ok(Some(block));
            }
            next = site.link(at, NEXT)?;
        }
        Ok(None)
    }

    fn carve<T: Tags>(
        &mut self,
        site: &Site<T>,
        block: At,
        back: Option<Extent>,
    ) -> Result<(), Torn> {
        match back {
            None => self.remove(site, block),
            Some((back, _)) => self.replace(site, block, back),
        }
    }

    fn join<T: Tags>(
        &mut self,
        site: &Site<T>,
        before: Option<Extent>,
        freed: Extent,
        after: Option<Extent>,
    ) -> Result<(), Torn> {
        match (before, after) {
            (None, None) => self.insert(site, freed.0),
            (None, Some((after, _))) => self.replace(site, after, freed.0),
            (Some(_), None) => Ok(()),
            (Some(_), Some((after, _))) => self.remove(site, after),
        }
    }

    fn check<T: Tags>(&self, site: &Site<T>) -> Result<usize, Fault> {
        let (mut count, mut previous, mut next) = (0, None, self.head);
        while let Some(at) = next {
            if site.link(at, PREVIOUS) != Ok(previous) || previous.is_some_and(|low| low >= at) {
                return Err((Rule::Index, at));
            }
            site.free_stride(at).map_err(|_| (Rule::Index, at))?;
            count += 1;
            previous = next;
            next = site.link(at, NEXT).map_err(|_| (Rule::Links, at))?;
        }
        Ok(count)
    }

    fn place<T: Tags>(&self, site: &Site<T>, block: At) -> Option<Place> {
        Some(Place {
            list: 0,
            position: position_in(site, self.head, block)?,
            waits: false,
        })
    }
}

/// The block before, in the same plot.
fn step_back<T: Tags>(plot: Plot, block: At) -> Result<Option<(Plot, At)>, Torn> {
    Ok(T::start_before(&plot, block)?.map(|before| (plot, before)))
}

/// The lowest free block in which a request fits.
#[derive(Debug)]
pub struct FirstFit {
    list: List,
}

impl Index for FirstFit {
    const EMPTY: FirstFit = FirstFit { list: List::EMPTY };
    const NAME: &'static str = "first fit";

    fn find<T: Tags>(&mut self, site: &Site<T>, want: Want) -> Result<Option<Extent>, Torn> {
        self.list.search(site, want, self.list.head, None)
    }

    fn insert<T: Tags>(&mut self, site: &Site<T>, block: Extent) -> Result<(), Torn> {
        self.list.insert(site, block.0)
    }

    fn remove<T: Tags>(&mut self, site: &Site<T>, block: Extent) -> Result<(), Torn> {
        self.list.remove(site, block.0)
    }

    fn carve<T: Tags>(
        &mut self,
        site: &Site<T>,
        block: Extent,
        back: Option<Extent>,
    ) -> Result<(), Torn> {
        self.list.carve(site, block.0, back)
    }

    fn join<T: Tags>(
        &mut self,
        site: &Site<T>,
        before: Option<Extent>,
        freed: Extent,
        after: Option<Extent>,
    ) -> Result<(), Torn> {
        self.list.join(site, before, freed, after)
    }

    fn check<T: Tags>(&self, site: &Site<T>) -> Result<usize, Fault> {
        self.list.check(site)
    }

    fn place<T: Tags>(&self, site: &Site<T>, block: Extent) -> Option<Place> {
        self.list.place(site, block.0)
    }
}

/// The first free block in which a request fits from where the last one was taken, going round.
#[derive(Debug)]
pub struct NextFit {
    list: List,
    /// Where the search goes on; the head if none.
    rover: Option<At>,
}

impl NextFit {
    /// Moves the rover off a block that leaves the list.
    fn leave(&mut self, old: At, to: Option<At>) {
        if self.rover == Some(old) {
            self.rover = to;
        }
    }
}

impl Index for NextFit {
    const EMPTY: NextFit = NextFit {
        list: List::EMPTY,
        rover: None,
    };
    const NAME: &'static str = "next fit";

    fn find<T: Tags>(&mut self, site: &Site<T>, want: Want) -> Result<Option<Extent>, Torn> {
        if let Some(found) = self.list.search(site, want, self.rover, None)? {
            return Ok(Some(found));
        }
        self.list.search(site, want, self.list.head, self.rover)
    }

    fn insert<T: Tags>(&mut self, site: &Site<T>, block: Extent) -> Result<(), Torn> {
        self.list.insert(site, block.0)
    }

    fn remove<T: Tags>(&mut self, site: &Site<T>, block: Extent) -> Result<(), Torn> {
        if self.rover == Some(block.0) {
            let next = site.link(block.0, NEXT)?;
            self.leave(block.0, next);
        }
        self.list.remove(site, block.0)
    }

    fn carve<T: Tags>(
        &mut self,
        site: &Site<T>,
        block: Extent,
        back: Option<Extent>,
    ) -> Result<(), Torn> {
        let next = site.link(block.0, NEXT)?;
        self.list.carve(site, block.0, back)?;
        self.rover = back.map(|(back, _)| back).or(next);
        Ok(())
    }

    fn join<T: Tags>(
        &mut self,
        site: &Site<T>,
        before: Option<Extent>,
        freed: Extent,
        after: Option<Extent>,
    ) -> Result<(), Torn> {
        if let Some((after, _)) = after {
            self.leave(after, Some(before.map_or(freed.0, |(before, _)| before)));
        }
        self.list.join(site, before, freed, after)
    }

    fn check<T: Tags>(&self, site: &Site<T>) -> Result<usize, Fault> {
        if let Some(rover) = self.rover
            && self.list.place(site, rover).is_none()
        {
            return Err((Rule::Index, rover));
        }
        self.list.check(site)
    }

    fn place<T: Tags>(&self, site: &Site<T>, block: Extent) -> Option<Place> {
        self.list.place(site, block.0)
    }
}
