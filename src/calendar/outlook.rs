//! One look at a window from one instant: everything a list, a screen or a program asks.
use super::window::{LOOK, View};
use super::zone::Change;
use crate::spec::units::{Dur, Time};

/// What rules say at one instant. Instants that are not within [`LOOK`] are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    pub in_window: bool,
    /// When the interval that holds the instant began.
    pub current_start: Option<Time>,
    /// The first later instant at which it opens.
    pub next_start: Option<Time>,
    /// The first later instant at which it closes.
    pub next_end: Option<Time>,
    /// It is open, and stays so for as long as is needed.
    pub fits_now: bool,
    /// The earliest instant, this one included, from which it stays open for as long as is needed.
    pub earliest_fit: Option<Time>,
    /// The latest start in the interval that closes next; none when nothing is said of how long it takes.
    pub last_safe_start: Option<Time>,
}

impl View<'_> {
    /// The answers of all questions at once, which costs less than each by itself.
    pub fn outlook(&self, now: Time, needs: Option<Dur>) -> Outlook {
        let in_window = self.in_window(now);
        let (next_start, next_end) = if in_window {
            let end = self.next_end(now);
            // While it is open the next start is the first one after its end.
            (end.and_then(|end| self.opens_after(end, now + LOOK)), end)
        } else {
            let start = self.next_start(now);
            (start, start.and_then(|start| self.closes_after(start, now + LOOK)))
        };
        let needed = needs.unwrap_or(Dur::ZERO);
        let fits_now = in_window && next_end.is_none_or(|end| end.since(now) >= needed);
        let earliest_fit = match (needs, next_start, next_end) {
            _ if fits_now => Some(now),
            (None, start, _) => start,
            // The next interval is known already, and mostly long enough.
            (Some(d), Some(start), Some(end)) if start < end && end.since(start) >= d => Some(start),
            (Some(d), ..) => self.earliest_fit(now, d),
        };
        Outlook {
            in_window,
            current_start: self.current_start(now),
            next_start,
            next_end,
            fits_now,
            earliest_fit,
            last_safe_start: needs.and_then(|d| self.last_safe_start_before(next_end?, d)),
        }
    }

    /// Changes of the zone's clock from `now` on that come before the interval that closes next is over, or within
    /// `ahead`, whichever is later.
    pub fn changes_ahead(&self, now: Time, ahead: Dur) -> Vec<Change> {
        let over = self.next_end(now).unwrap_or(now);
        self.clock.changes(now, over.max(now + ahead))
    }
}

/// For a person: `Europe/Berlin goes forward by 1h`.
pub fn change_text(change: &Change) -> String {
    let by = change.after - change.before;
    let way = if by > 0 { "forward" } else { "back" };
    format!("{way} by {}", Dur(by.unsigned_abs()))
}
