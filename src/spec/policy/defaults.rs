//! What a policy takes where it says nothing.
use super::{BurnWindow, Dur};

pub fn warmup() -> Dur {
    Dur::mins(5)
}
pub fn soak() -> Dur {
    Dur::mins(30)
}
pub fn drain() -> Dur {
    Dur::secs(30)
}
pub fn verify() -> Dur {
    Dur::mins(2)
}
pub fn rollback_give_up() -> Dur {
    Dur::mins(15)
}
pub fn yes() -> bool {
    true
}
pub fn max_step() -> u32 {
    3
}
pub fn min_requests() -> u64 {
    300
}
pub fn window() -> Dur {
    Dur::mins(2)
}
pub fn max_blind() -> Dur {
    Dur::mins(5)
}
pub fn attribution() -> Dur {
    Dur::mins(5)
}
pub fn progress_deadline() -> Dur {
    Dur::mins(10)
}
pub fn standard_deadline() -> Dur {
    Dur::mins(5)
}
pub fn max_split_hold() -> Dur {
    Dur::hours(2)
}
pub fn rollback_reserve() -> Dur {
    Dur::mins(10)
}
pub fn is_max_split_hold(d: &Dur) -> bool {
    *d == max_split_hold()
}
pub fn is_rollback_reserve(d: &Dur) -> bool {
    *d == rollback_reserve()
}
pub fn burn_windows() -> Vec<BurnWindow> {
    let w = |factor, long, short| BurnWindow { factor, long, short };
    vec![
        w(14.4, Dur::hours(1), Dur::mins(5)),
        w(6.0, Dur::hours(6), Dur::mins(30)),
        w(1.0, Dur::hours(72), Dur::hours(6)),
    ]
}
