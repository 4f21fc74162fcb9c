//! Windows: when is it open, since when, until when, and when does something fit?
//!
//! A window anchored on a local date covers from the earliest instant that reads its start to the earliest that reads its
//! end. What is open is the union of all of them, less every instant whose local date is ruled out and every closed
//! stretch; touching pieces are one. Nothing is listed: the state at an instant and the next instant at which it could
//! change are found from the dates around it, so that a near answer is a cheap one.
use super::zone::{FAR, ZoneClock, date};
use crate::spec::units::{Dur, Time};
use crate::spec::when::{Clock, DAY, Date, Dates, Months, Weekdays};

/// How far is searched, ahead and back.
pub const LOOK: Dur = Dur::hours(24 * 400);

/// Milliseconds of a week.
pub(super) const WEEK: i64 = 7 * DAY;

/// Opens on each of some weekdays. An end that is not after the start is on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weekly {
    pub days: Weekdays,
    pub start: Clock,
    pub end: Clock,
}

impl Weekly {
    /// On a clock that does not change: the first of its times that ends after `wall`, from when to when.
    fn next(self, wall: i64) -> Option<(i64, i64)> {
        let (start, end) = (self.start.millis(), self.end.millis());
        let long = if end > start { end - start } else { DAY - start + end };
        let first = date(wall - start - long + DAY);
        let day = (first.0..first.0 + 7).find(|day| self.days.holds(Date(*day).weekday()))?;
        let start = i64::from(day) * DAY + start;
        Some((start, start + long))
    }
}

/// Weekdays that are ruled out in some months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Season {
    pub months: Months,
    pub days: Weekdays,
}

impl Season {
    pub fn forbids(self, date: Date) -> bool {
        self.days.holds(date.weekday()) && self.months.holds(date.parts().1)
    }
}

/// When one party allows work: windows in its zone, less what is ruled out.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rules {
    pub windows: Vec<Weekly>,
    /// Local dates, in order and without overlap: see [`Rules::tidy`].
    pub excluded: Vec<Dates>,
    pub seasons: Vec<Season>,
    /// Stretches of elapsed time, in order and without overlap: start, and first instant after.
    pub closed: Vec<(Time, Time)>,
}

impl Rules {
    /// Brings exclusions and closed stretches into the order in which they are looked up.
    pub fn tidy(mut self) -> Rules {
        self.excluded.sort_unstable();
        self.excluded.dedup_by(|next, kept| {
            let joins = next.first.0 <= kept.last.0.saturating_add(1);
            if joins {
                kept.last = kept.last.max(next.last);
            }
            joins
        });
        self.closed.retain(|(from, to)| from < to);
        self.closed.sort_unstable();
        self.closed.dedup_by(|next, kept| {
            let joins = next.0 <= kept.1;
            if joins {
                kept.1 = kept.1.max(next.1);
            }
            joins
        });
        self
    }

    /// The range of excluded dates this one is in.
    pub(super) fn excluded(&self, date: Date) -> Option<Dates> {
        let next = self.excluded.partition_point(|d| d.last < date);
        self.excluded.get(next).copied().filter(|d| d.holds(date))
    }

    pub(super) fn forbids(&self, date: Date) -> bool {
        self.excluded(date).is_some() || self.seasons.iter().any(|s| s.forbids(date))
    }

    fn never_forbids(&self) -> bool {
        self.excluded.is_empty() && self.seasons.is_empty()
    }
}

/// Rules on a zone's clock.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub clock: &'a ZoneClock,
    pub rules: &'a Rules,
}

/// Open or not, and how long that is certain.
#[derive(Debug, Clone, Copy)]
struct Piece {
    open: bool,
    /// Later than the instant asked for; the state may or may not change there.
    until: i64,
}

impl View<'_> {
    /// Start inclusive, end exclusive.
    pub fn in_window(&self, now: Time) -> bool {
        self.piece(now.0, now.0).open
    }

    /// The first instant after `now`, at most [`LOOK`] after it, at which it opens.
    pub fn next_start(&self, now: Time) -> Option<Time> {
        self.opens_after(if self.in_window(now) { self.closes_after(now, now + LOOK)? } else { now }, now + LOOK)
    }

    /// The first instant after `now`, at most [`LOOK`] after it, at which it closes.
    pub fn next_end(&self, now: Time) -> Option<Time> {
        self.closes_after(if self.in_window(now) { now } else { self.opens_after(now, now + LOOK)? }, now + LOOK)
    }

    /// At `closed` it is not open: the first instant after it, not after `limit`, at which it is.
    pub(super) fn opens_after(&self, closed: Time, limit: Time) -> Option<Time> {
        self.turn(closed.0, limit.0).map(Time)
    }

    /// At `open` it is open: the first instant after it, not after `limit`, at which it is not.
    pub(super) fn closes_after(&self, open: Time, limit: Time) -> Option<Time> {
        self.turn(open.0, limit.0).map(Time)
    }

    /// When the interval that holds `now` began; none outside, and none when that is more than [`LOOK`] ago.
    pub fn current_start(&self, now: Time) -> Option<Time> {
        let limit = (now - LOOK).0;
        let mut since = self.open_since(now.0)?;
        while since >= limit {
            match self.open_since(since - 1) {
                Some(earlier) => since = earlier,
                None => return Some(Time(since)),
            }
        }
        None
    }

    /// Whether something that takes `needs` can begin now and be done before it closes.
    pub fn fits(&self, now: Time, needs: Dur) -> bool {
        self.in_window(now) && self.turn(now.0, (now + LOOK).0).is_none_or(|end| Time(end).since(now) >= needs)
    }

    /// The earliest instant from `now` on, at most [`LOOK`] after it, from which it stays open for `needs`.
    pub fn earliest_fit(&self, now: Time, needs: Dur) -> Option<Time> {
        self.fit_until(now, needs).map(|(start, _)| start)
    }

    /// The same, with the end of the interval it is in; nothing when that is more than [`LOOK`] away.
    pub(super) fn fit_until(&self, now: Time, needs: Dur) -> Option<(Time, Option<Time>)> {
        let (mut at, limit) = (now.0, (now + LOOK).0);
        // A campaign asks this a million times, and mostly nothing but the windows decides.
        while let Some((start, end)) = self.plain(at) {
            if start > limit {
                return None;
            }
            if Time(end).since(Time(start)) >= needs {
                return Some((Time(start), Some(Time(end))));
            }
            at = end;
        }
        self.fit_by_pieces(at, limit, needs)
    }

    /// The same, whatever decides.
    fn fit_by_pieces(&self, at: i64, limit: i64, needs: Dur) -> Option<(Time, Option<Time>)> {
        let (mut start, mut piece) = (at, self.piece(at, limit));
        loop {
            while !piece.open {
                if piece.until > limit {
                    return None;
                }
                start = piece.until;
                piece = self.piece(start, limit);
            }
            let far = (Time(start) + LOOK).0;
            while piece.open && piece.until <= far {
                let end = piece.until;
                piece = self.piece(end, far);
                if !piece.open && Time(end).since(Time(start)) >= needs {
                    return Some((Time(start), Some(Time(end))));
                }
            }
            if piece.open {
                return Some((Time(start), None));
            }
        }
    }

    /// The interval that holds an instant, from then on, or the next one, where nothing but the windows decides about it:
    /// around it the clock does not change, and nothing of it is ruled out. Nothing where something else may.
    fn plain(&self, at: i64) -> Option<(i64, i64)> {
        let (span, rules) = (self.clock.span(at), self.rules);
        let wall = at + span.offset;
        let next = |wall: i64| rules.windows.iter().filter_map(move |weekly| weekly.next(wall));
        let (start, mut end) = next(wall).min()?;
        // Those that touch it or overlap are one with it.
        while let Some((_, later)) = next(end).find(|(start, _)| *start <= end) {
            end = later;
            if end - wall > 8 * DAY {
                return None;
            }
        }
        let (begins, from, to) = (start - span.offset, start.max(wall), end - span.offset);
        if begins.min(at) - 2 * FAR < span.start || to + 2 * FAR > span.end {
            return None;
        }
        let ruled_out = !rules.never_forbids() && (date(from).0..=date(end - 1).0).any(|d| rules.forbids(Date(d)));
        let next_closed = rules.closed.partition_point(|(_, to)| to.0 <= from - span.offset);
        let closed = rules.closed.get(next_closed).is_some_and(|(closed, _)| closed.0 < to);
        (!ruled_out && !closed).then_some((from - span.offset, to))
    }

    /// At `closed` it is not open. The intervals of a week from then on, in order, and until when they come again every week:
    /// so long the clock does not change, and nothing is ruled out. Nothing where that is not known to be.
    pub(super) fn week(&self, closed: Time) -> Option<(Vec<(Time, Time)>, Time)> {
        let (span, rules, at) = (self.clock.span(closed.0), self.rules, closed.0);
        let today = date(at + span.offset);
        if at - 2 * FAR < span.start || !rules.seasons.is_empty() || self.closed_at(closed) {
            return None;
        }
        let next = rules.excluded.partition_point(|dates| dates.last < today);
        let excluded = rules.excluded.get(next).map_or(i64::MAX, |d| i64::from(d.first.0) * DAY - span.offset);
        let next = rules.closed.partition_point(|(_, to)| to.0 <= at);
        let shut = rules.closed.get(next).map_or(i64::MAX, |(from, _)| from.0);
        let until = (span.end - 2 * FAR).min(excluded).min(shut);
        let (mut week, mut from) = (Vec::new(), at);
        while let Some((start, end)) = self.plain(from).filter(|(_, end)| *end <= until) {
            if week.first().is_some_and(|(first, _): &(Time, Time)| start >= first.0 + WEEK) {
                return Some((week, Time(until)));
            }
            week.push((Time(start), Time(end)));
            from = end;
        }
        None
    }

    /// The latest instant to begin something that takes `needs` in the interval that closes next.
    pub fn last_safe_start(&self, now: Time, needs: Dur) -> Option<Time> {
        let end = self.next_end(now)?;
        let last = end - needs;
        // One millisecond before its end the interval is open; it may have begun longer ago than is looked back.
        match self.current_start(Time(end.0 - 1)) {
            Some(start) if last < start => None,
            _ => Some(last),
        }
    }

    /// Whether a window itself holds the instant, whatever is ruled out.
    pub(super) fn in_a_window(&self, now: Time) -> bool {
        self.raw(now.0, self.clock.date(now.0)).is_some()
    }

    /// Of this stretch so many milliseconds are open.
    pub(super) fn open_between(&self, (from, to): (i64, i64)) -> i64 {
        let (mut at, mut open) = (from, 0);
        while at < to {
            let piece = self.piece(at, to);
            let end = piece.until.min(to);
            open += if piece.open { end - at } else { 0 };
            at = end;
        }
        open
    }

    /// Whether a closed stretch holds the instant.
    pub(super) fn closed_at(&self, at: Time) -> bool {
        let next = self.rules.closed.partition_point(|(_, to)| *to <= at);
        self.rules.closed.get(next).is_some_and(|(from, _)| *from <= at)
    }

    /// The first instant after `at`, at most `limit`, at which open becomes closed or closed becomes open.
    fn turn(&self, at: i64, limit: i64) -> Option<i64> {
        let mut piece = self.piece(at, limit);
        // Each round ends later than the one before; a day has a handful of pieces.
        while piece.until <= limit {
            let next = self.piece(piece.until, limit);
            debug_assert!(next.until > piece.until, "a piece of no length: the search would not end");
            if next.open != piece.open {
                return Some(piece.until);
            }
            piece = next;
        }
        None
    }

    fn piece(&self, at: i64, limit: i64) -> Piece {
        let span = self.clock.span(at);
        let today = date(at + span.offset);
        let next_closed = self.rules.closed.partition_point(|(_, to)| to.0 <= at);
        let closed = self.rules.closed.get(next_closed).map_or((i64::MAX, i64::MAX), |(from, to)| (from.0, to.0));
        if closed.0 <= at {
            return Piece { open: false, until: closed.1 };
        }
        // The date on the wall is the same until midnight or the next change of the clock, whichever comes first.
        let day_ends = (i64::from(today.0 + 1) * DAY - span.offset).min(span.end);
        if self.rules.forbids(today) {
            return Piece { open: false, until: self.forbidden_until(today).max(day_ends) };
        }
        match self.raw(at, today).map(|(_, end)| end) {
            Some(end) => {
                let sure = if self.quiet(today, Date(today.0 + 3)) { end } else { end.min(day_ends) };
                Piece { open: true, until: sure.min(closed.0) }
            }
            None => Piece { open: false, until: self.next_raw(at, today, limit) },
        }
    }

    /// Nothing forbids any of these dates, nor the one before them, which a clock set back may show once more.
    fn quiet(&self, from: Date, to: Date) -> bool {
        self.rules.never_forbids() || (from.0 - 1..=to.0).all(|d| !self.rules.forbids(Date(d)))
    }

    /// Inside a range of excluded dates: its end. On its first day a clock set back may show the day before once more.
    fn forbidden_until(&self, today: Date) -> i64 {
        match self.rules.excluded(today) {
            Some(range) if range.first < today => self.clock.first_at((i64::from(range.last.0) + 1) * DAY),
            _ => i64::MIN,
        }
    }

    /// Start and end of the union of the raw windows that hold this instant. A clock set back may show the date before
    /// a window's own; one that ends on the next day is anchored on the date before.
    fn raw(&self, at: i64, today: Date) -> Option<(i64, i64)> {
        let mut found: Option<(i64, i64)> = None;
        for weekly in &self.rules.windows {
            for day in today.0 - 1..=today.0 + 1 {
                if let Some((start, end)) = self.anchored(weekly, Date(day))
                    && start <= at
                    && at < end
                {
                    let (s, e) = found.unwrap_or((start, end));
                    found = Some((s.min(start), e.max(end)));
                }
            }
        }
        found
    }

    /// The first start of a raw window after this instant; something later than `limit` when there is none before.
    fn next_raw(&self, at: i64, today: Date, limit: i64) -> i64 {
        let last = date(limit.saturating_add(2 * DAY)).0;
        let first = |weekly: &Weekly| {
            let starts = (today.0..=last).filter_map(|day| self.anchored(weekly, Date(day)));
            starts.map(|(start, _)| start).find(|start| *start > at)
        };
        self.rules.windows.iter().filter_map(first).min().unwrap_or(i64::MAX)
    }

    /// What a window covers that is anchored on this local date; nothing when the date does not exist or the window lies
    /// wholly in a gap.
    pub(super) fn anchored(&self, weekly: &Weekly, day: Date) -> Option<(i64, i64)> {
        if !weekly.days.holds(day.weekday()) {
            return None;
        }
        let midnight = i64::from(day.0) * DAY;
        let overnight = if weekly.end > weekly.start { 0 } else { DAY };
        let start = self.clock.first_at(midnight + weekly.start.millis());
        let end = self.clock.first_at(midnight + overnight + weekly.end.millis());
        // The first instant at or after a time of this date mostly shows this date; then it is there.
        let there = || self.clock.date(start) == day || self.clock.exists(day);
        (start < end && there()).then_some((start, end))
    }

    /// How long, at least, it has been open at this instant; nothing when it is not open.
    fn open_since(&self, at: i64) -> Option<i64> {
        if !self.piece(at, at).open {
            return None;
        }
        let span = self.clock.span(at);
        let today = date(at + span.offset);
        let (start, _) = self.raw(at, today)?;
        let before = self.rules.closed.partition_point(|(_, to)| to.0 <= at);
        let closed = before.checked_sub(1).and_then(|i| self.rules.closed.get(i)).map_or(i64::MIN, |(_, to)| to.0);
        let day_starts = (i64::from(today.0) * DAY - span.offset).max(span.start);
        let sure = if self.quiet(Date(today.0 - 3), Date(today.0 + 1)) { start } else { start.max(day_starts) };
        Some(sure.max(closed))
    }
}
