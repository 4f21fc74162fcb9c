//! Burn rates of an error budget over long windows, in bounded memory.
//!
//! Burn rate is the bad ratio over the budget (1 − SLO); a page is due when it is over a factor both in a long window
//! (the loss is significant) and in a short one (it still goes on). Source: Google SRE Workbook, chapter 5,
//! "Multiwindow, Multi-Burn-Rate Alerts".
use std::cmp::Ordering::Equal;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::compare::{Worse, worse};
use super::evaluate::Context;
use super::judge::{Judged, Readings, count, needed, read, settle, too_few, with_failures};
use super::sample::{Num, Progress, Sample, Verdict};
use crate::spec::policy::{BurnRate, BurnWindow, Gate, Measure};
use crate::spec::units::{Dur, Time};

/// Samples kept one by one: over an hour on the 10 s grid.
const RECENT: usize = 384;
/// Older samples are summed up in this many buckets over the longest window: 10 min each for three days.
const BUCKETS: u64 = 432;
/// Two burn rates nearer than this, relative to the greater, are equal: 1 − 0.99999 is not 0.00001 to the last bit.
const NOISE: f64 = 1e-9;

/// Bad and all requests of one sample, or of the samples of one bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "(Time, Time, Num, Num)", into = "(Time, Time, Num, Num)")]
struct Entry {
    from: Time,
    to: Time,
    bad: f64,
    all: f64,
}

/// Numbers go to disk as text: read back as a JSON number they might differ in the last bit, and a resumed run would
/// decide otherwise than the one that was killed.
impl From<Entry> for (Time, Time, Num, Num) {
    fn from(e: Entry) -> Self {
        (e.from, e.to, e.bad.into(), e.all.into())
    }
}

impl From<(Time, Time, Num, Num)> for Entry {
    fn from((from, to, bad, all): (Time, Time, Num, Num)) -> Entry {
        Entry { from, to, bad: bad.value(), all: all.value() }
    }
}

/// What a burn-rate gate remembers: the last 384 samples as they are, older ones in buckets.
///
/// A window that ends among the kept samples is exact. One whose far edge cuts a bucket takes the part of it that lies
/// inside, as if its requests were spread evenly between its first and its last sample; what that can misplace is at
/// most the requests of one bucket, 1/432 of the longest window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// The first sample that was counted.
    since: Option<Time>,
    buckets: VecDeque<Entry>,
    recent: VecDeque<Entry>,
}

impl Ledger {
    pub fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    fn push(&mut self, at: Time, ratio: f64, weight: f64, longest: Dur) {
        // A clock that steps back must not put a sample before its elders.
        let at = self.recent.back().map_or(at, |e| e.to.max(at));
        self.since.get_or_insert(at);
        self.recent.push_back(Entry { from: at, to: at, bad: ratio * weight, all: weight });
        while self.recent.len() > RECENT {
            let Some(eldest) = self.recent.pop_front() else { break };
            self.file(eldest, Dur((longest.0 / BUCKETS).max(1)));
        }
        let gone = |e: &Entry| at.since(e.to) >= longest;
        while self.buckets.front().is_some_and(gone) {
            self.buckets.pop_front();
        }
        while self.recent.front().is_some_and(gone) {
            self.recent.pop_front();
        }
    }

    fn file(&mut self, eldest: Entry, size: Dur) {
        match self.buckets.back_mut() {
            Some(bucket) if eldest.to.since(bucket.from) < size => {
                bucket.to = eldest.to;
                bucket.bad += eldest.bad;
                bucket.all += eldest.all;
            }
            _ => self.buckets.push_back(eldest),
        }
    }

    /// Bad and all requests after `now − window` up to `now`.
    fn sums(&self, now: Time, window: Dur) -> (f64, f64) {
        let edge = now - window;
        self.buckets.iter().chain(&self.recent).filter(|e| e.to > edge).fold((0.0, 0.0), |(bad, all), e| {
            let span = e.to.since(e.from).0 as f64;
            let inside = if e.from > edge || span == 0.0 { 1.0 } else { e.to.since(edge).0 as f64 / span };
            (bad + e.bad * inside, all + e.all * inside)
        })
    }

    /// The pair's burn rates; a window without requests burns nothing.
    fn rates(&self, pair: &BurnWindow, budget: f64, now: Time) -> Rates {
        let burn = |(bad, all): (f64, f64)| if all > 0.0 { bad / all / budget } else { 0.0 };
        let short = self.sums(now, pair.short);
        let covered = self.since.is_some_and(|since| now.since(since) >= pair.short) && short.1 > 0.0;
        Rates { long: burn(self.sums(now, pair.long)), short: burn(short), seen: short.1, covered, pair: *pair }
    }
}

/// One pair of windows at one moment.
struct Rates {
    long: f64,
    short: f64,
    /// Requests in the short window.
    seen: f64,
    /// The history reaches back over the whole short window, and there were requests in it.
    covered: bool,
    pair: BurnWindow,
}

impl Rates {
    /// Over the factor in both windows; equal is not over.
    fn over(&self) -> bool {
        let over = |rate: f64| rate - self.pair.factor > NOISE * rate.max(self.pair.factor);
        self.covered && over(self.long) && over(self.short)
    }

    /// How near to firing, 1 being there.
    fn nearness(&self) -> f64 {
        self.long.min(self.short) / self.pair.factor.max(f64::MIN_POSITIVE)
    }
}

/// How a burn-rate gate stands after a sample.
pub(super) struct Burnt {
    pub progress: Progress,
    /// It fires. Only ever set along with the verdict Bad.
    pub over: bool,
}

/// The verdict of a sample under a burn rate: `Bad` when a pair of windows is over its factor in both, `TooFew` until
/// the shortest of the short windows is covered. A pair whose short window is not covered yet has no say; a long
/// window counts what there is of it.
///
/// The value of a sample is its bad ratio (its good ratio where lower is worse), weighted by its requests; samples
/// that do not count requests weigh alike. `min_requests` is asked of the short window as a whole, over the sum of its
/// samples, so requests that two overlapping windows both report count in both. Limits, where the gate has some too,
/// make a tick bad but do not fire; `abs_bad` failures do both.
pub(super) fn judge(
    gate: &Gate,
    rate: &BurnRate,
    cx: &Context,
    ledger: &mut Ledger,
    sample: &Sample,
) -> (Judged, Burnt) {
    // A budget of nothing would burn infinitely fast, which no file can hold.
    let budget = (1.0 - rate.slo.0).max(NOISE);
    let readings = read(gate, cx, sample).and_then(|readings| enter(gate, rate, ledger, sample, readings));
    let pairs: Vec<Rates> = rate.windows.iter().map(|w| ledger.rates(w, budget, sample.at)).collect();
    let Some(nearest) = nearest(&pairs) else {
        let judged = readings.err().unwrap_or_else(|| {
            Judged::new(
                Verdict::Invalid,
                "invalid: the burn rate has no windows; give it one, or leave `windows` out",
                None,
            )
        });
        return (judged, Burnt { progress: Progress::Burn { long: 0.0, short: 0.0, factor: 0.0 }, over: false });
    };
    let progress = Progress::Burn { long: nearest.long, short: nearest.short, factor: nearest.pair.factor };
    let (judged, over) = match readings {
        Err(judged) => (judged, false),
        Ok(readings) => {
            let value = readings.new.map(|r| r.worst(worse(gate)));
            let (judged, over) = match shortage(gate, cx, sample, ledger, &pairs) {
                Some(why) => (Judged::new(Verdict::TooFew, why, value), false),
                None => weigh(gate, &readings, nearest, value),
            };
            let (judged, by_count) = with_failures(gate, sample, judged, value);
            (judged, over || by_count)
        }
    };
    (judged, Burnt { progress, over })
}

/// Enters what a readable sample says into the ledger.
fn enter(
    gate: &Gate,
    rate: &BurnRate,
    ledger: &mut Ledger,
    sample: &Sample,
    readings: Readings,
) -> Result<Readings, Judged> {
    let Some(new) = readings.new else { return Ok(readings) };
    // A success rate is a share of good requests, whichever limit stands beside the burn rate.
    let good = gate.measure == Some(Measure::SuccessRate) || worse(gate) == Worse::Lower;
    let worst = new.worst(if good { Worse::Lower } else { Worse::Higher });
    let ratio = if good { 1.0 - worst } else { worst };
    if !(-NOISE..=1.0 + NOISE).contains(&ratio) {
        let why = format!("invalid: a burn rate needs a share between 0 and 1, the source answered {worst}");
        return Err(Judged::new(Verdict::Invalid, why, None));
    }
    let longest = rate.windows.iter().map(|w| w.long.max(w.short)).max().unwrap_or(Dur::ZERO);
    ledger.push(sample.at, ratio.clamp(0.0, 1.0), count(sample.requests).unwrap_or(1.0), longest);
    Ok(readings)
}

/// The pair nearest to firing: of those that may fire if there are any, the first of equals.
fn nearest(pairs: &[Rates]) -> Option<&Rates> {
    pairs.iter().rev().max_by(|a, b| (a.covered, a.nearness()).partial_cmp(&(b.covered, b.nearness())).unwrap_or(Equal))
}

/// Why there are too few requests to speak of a burn rate, if so.
fn shortage(gate: &Gate, cx: &Context, sample: &Sample, ledger: &Ledger, pairs: &[Rates]) -> Option<String> {
    let shortest = pairs.iter().min_by_key(|r| (!r.covered, r.pair.short))?;
    let window = shortest.pair.short;
    // Old windows must not speak for a moment nobody could observe.
    if count(sample.requests) == Some(0.0) {
        return Some("no requests".into());
    }
    if shortest.covered {
        // Without a count each sample weighs 1, which is no number of requests.
        let seen = sample.requests.map(|_| shortest.seen);
        let need = needed(gate, cx)?;
        return too_few(seen, Some(need))
            .then(|| format!("{:.0} of {need} requests in {window}", shortest.seen.floor()));
    }
    let covers = ledger.since.map_or(Dur::ZERO, |since| sample.at.since(since));
    Some(format!("{} of {} seen of the short window", covers.clock(), window.clock()))
}

/// The windows, and the gate's own limits besides.
fn weigh(gate: &Gate, readings: &Readings, nearest: &Rates, value: Option<f64>) -> (Judged, bool) {
    let pair = &nearest.pair;
    let over = nearest.over();
    let told = format!("burn rate {:.2} over {} and {:.2} over {}", nearest.long, pair.long, nearest.short, pair.short);
    let burnt = if over {
        Judged::new(Verdict::Bad, format!("{told}, both > {}", pair.factor), value)
    } else {
        Judged::new(Verdict::Good, format!("{told}, not both > {}", pair.factor), value)
    };
    let limited = gate.max.is_some() || gate.min.is_some() || gate.baseline.is_some();
    let judged = match readings.new.filter(|_| limited).map(|new| settle(gate, new, readings.old)) {
        Some(limit) if limit.verdict == Verdict::Invalid => return (limit, false),
        Some(limit) if limit.verdict == Verdict::Bad && over => {
            Judged { reason: format!("{}; {}", burnt.reason, limit.reason), ..limit }
        }
        Some(limit) if limit.verdict == Verdict::Bad => limit,
        _ => burnt,
    };
    (judged, over)
}

#[cfg(test)]
#[path = "burn_tests.rs"]
mod tests;
