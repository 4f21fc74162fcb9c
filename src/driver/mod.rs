//! The one loop: clock, inbox, journal, effects, lease.
