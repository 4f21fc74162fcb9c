//! `pilothouse windows`: when a window is open, when it opens next, and when something fits.
use anyhow::{Result, anyhow, bail};
use serde_json::{Map, Value, json};

use super::args::{TextOrJson, WindowsArgs};
use crate::calendar::{self, Change, Closure, LOOK, Outlook, Reason, Rules, Season, Touched, View, Weekly, ZoneClock};
use crate::spec::units::{Dur, Time, UnitError};
use crate::spec::when::{Clock, Dates, Instant, Weekdays, Zone};

/// Everything that is asked of one window.
pub struct Question {
    pub zone: Zone,
    pub rules: Rules,
    pub needs: Option<Dur>,
    pub now: Time,
    pub explain: bool,
}

/// Reads the flags; `now` is the machine's clock, for when no instant is given.
///
/// # Errors
/// A flag that is missing or cannot be read: which, why, and what to write.
pub fn question(args: &WindowsArgs, now: Time) -> Result<Question> {
    let of = |flag: &str, error: UnitError| anyhow!("--{flag}: {error}");
    let wanted = |flag: &str, value: &Option<String>| {
        value.clone().ok_or_else(|| anyhow!("--{flag} is missing: a window has --zone, --days, --start and --end"))
    };
    let zone: Zone = wanted("zone", &args.zone)?.parse().map_err(|e| of("zone", e))?;
    let days: Weekdays = wanted("days", &args.days)?.parse().map_err(|e| of("days", e))?;
    let start: Clock = wanted("start", &args.start)?.parse().map_err(|e| of("start", e))?;
    let end: Clock = wanted("end", &args.end)?.parse().map_err(|e| of("end", e))?;
    let excluded: Result<Vec<Dates>> =
        args.exclude.iter().map(|text| text.parse().map_err(|e| of("exclude", e))).collect();
    let seasons: Result<Vec<Season>> = args.season.iter().map(|text| season(text)).collect();
    let rules = Rules {
        windows: vec![Weekly { days, start, end }],
        excluded: excluded?,
        seasons: seasons?,
        closed: Vec::new(),
    };
    let now = args.at.as_deref().map_or(Ok(now), instant)?;
    Ok(Question { zone, rules: rules.tidy(), needs: needs(args.needs.as_deref())?, now, explain: args.explain })
}

/// How long something takes, which is some time at least.
pub fn needs(text: Option<&str>) -> Result<Option<Dur>> {
    let needs: Option<Dur> = text.map(str::parse).transpose().map_err(|e| anyhow!("--needs: {e}"))?;
    if needs == Some(Dur::ZERO) {
        bail!("--needs: nothing takes {}; write how long it takes, such as 90m, or leave it out", Dur::ZERO);
    }
    Ok(needs)
}

fn season(text: &str) -> Result<Season> {
    let (months, days) = text.split_once(':').ok_or_else(|| {
        anyhow!("--season: `{text}` is not a season: write months and the weekdays they forbid, as in 05,06:Sat,Sun")
    })?;
    let read = |e: UnitError| anyhow!("--season: {e}");
    Ok(Season { months: months.parse().map_err(read)?, days: days.parse().map_err(read)? })
}

/// An instant, with its offset: without one nobody knows when it is.
pub fn instant(text: &str) -> Result<Time> {
    let at: Time = text.parse().map(|Instant(at)| at).map_err(|e| anyhow!("--at: {e}"))?;
    // What is found must be written with four digits, too.
    let margin = LOOK + LOOK;
    if at < Time::FIRST_WRITTEN + margin || at > Time::LAST_WRITTEN - margin {
        bail!(
            "--at: {LOOK} are looked ahead and back from `{text}`, and years are written from 0 to 9999: name one between"
        );
    }
    Ok(at)
}

/// Answers a question for a person or a program.
pub fn answer(question: &Question, output: TextOrJson) -> String {
    let clock = calendar::clock(question.zone, question.now);
    let view = View { clock: &clock, rules: &question.rules };
    let look = view.outlook(question.now, question.needs);
    match output {
        TextOrJson::Text => text(question, &view, &look),
        TextOrJson::Json => format!("{:#}\n", json(question, &view, &look)),
    }
}

/// RFC 3339 in UTC.
pub fn utc(at: Time) -> String {
    Instant(at).to_string()
}

fn fields(look: &Outlook) -> [(&'static str, Option<Time>); 5] {
    [
        ("currentStart", look.current_start),
        ("nextStart", look.next_start),
        ("nextEnd", look.next_end),
        ("earliestFit", look.earliest_fit),
        ("lastSafeStart", look.last_safe_start),
    ]
}

/// The answers as fields: instants in UTC, and once more below `local`.
pub fn look_json(look: &Outlook, clock: &ZoneClock, now: Time) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("inWindow".into(), look.in_window.into());
    out.insert("fitsNow".into(), look.fits_now.into());
    let mut local = Map::new();
    local.insert("at".into(), clock.stamp(now).into());
    for (name, at) in fields(look) {
        out.insert(name.into(), at.map(utc).into());
        local.insert(name.into(), at.map(|at| clock.stamp(at)).into());
    }
    out.insert("local".into(), local.into());
    out
}

fn json(question: &Question, view: &View<'_>, look: &Outlook) -> Value {
    let mut out = look_json(look, view.clock, question.now);
    out.insert("at".into(), utc(question.now).into());
    out.insert("zone".into(), question.zone.to_string().into());
    out.insert("tz".into(), calendar::tz_version().into());
    out.insert("needs".into(), question.needs.map(|d| d.to_string()).into());
    let changes = view.clock.changes(question.now, question.now + LOOK);
    out.insert("clockChanges".into(), changes.iter().map(|c| change_json(view, c)).collect());
    if question.explain {
        let reasons = calendar::explain(view, &[], question.now, question.needs);
        let reasons = reasons.iter().map(|r| json!({"rule": r.rule, "allows": r.allows, "text": r.text}));
        out.insert("explain".into(), reasons.collect());
    }
    out.into()
}

pub(super) fn change_json(view: &View<'_>, change: &Change) -> Value {
    let touched = view.touched(change);
    let touched = touched.iter().map(|t| {
        json!({
            "date": t.date.to_string(), "window": calendar::said(&t.window),
            "usual": t.usual.to_string(), "length": t.length.map(|d| d.to_string()),
        })
    });
    json!({
        "at": utc(change.at), "local": view.clock.stamp(change.at), "offsetBefore": offset(change.before),
        "offsetAfter": offset(change.after), "windows": touched.collect::<Vec<_>>(),
    })
}

/// `+05:30`
fn offset(millis: i64) -> String {
    let seconds = millis.unsigned_abs() / 1000;
    let sign = if millis < 0 { '-' } else { '+' };
    let rest = if seconds.is_multiple_of(60) { String::new() } else { format!(":{:02}", seconds % 60) };
    format!("{sign}{:02}:{:02}{rest}", seconds / 3600, seconds / 60 % 60)
}

/// How long until an instant, in whole minutes above a minute.
fn away(at: Time, now: Time) -> String {
    let left = at.since(now);
    if at == now {
        "now".into()
    } else {
        format!("in {}", Dur(left.0 - left.0 % if left.0 < 60_000 { 1000 } else { 60_000 }))
    }
}

fn text(question: &Question, view: &View<'_>, look: &Outlook) -> String {
    let (clock, now) = (view.clock, question.now);
    let windows: Vec<String> = view.rules.windows.iter().map(calendar::said).collect();
    let mut out = format!("{} {} (tz {})\n\n", windows.join(", "), question.zone, calendar::tz_version());
    let mut row = |name: &str, text: String| out.push_str(format!("{name:<16} {text}\n").trim_end_matches(' '));
    let shown = |at: Time| format!("{:<28} {}  {}", clock.read(at), utc(at), away(at, now));
    let at = |at: Option<Time>| at.map_or_else(|| format!("not within {LOOK}"), shown);
    row("at", format!("{:<28} {}", clock.read(now), utc(now)));
    let since = match look.current_start {
        Some(start) => format!("yes, since {} ({})", clock.read(start), utc(start)),
        None if look.in_window => format!("yes, for more than {LOOK}"),
        None => "no".into(),
    };
    row("in window", since);
    row("next start", at(look.next_start));
    row("next end", at(look.next_end));
    if let Some(needs) = question.needs {
        row("needs", format!("{needs}, {}", if look.fits_now { "fits now" } else { "does not fit now" }));
        row("earliest fit", at(look.earliest_fit));
        let last = match (look.last_safe_start, look.next_end) {
            (Some(at), _) if at < now => format!("{:<28} {}  over", clock.read(at), utc(at)),
            (Some(at), _) => shown(at),
            (None, Some(_)) => "none: the interval that closes next is too short".into(),
            (None, None) => "none: nothing closes".into(),
        };
        row("last safe start", last);
    }
    for change in clock.changes(now, now + LOOK) {
        row("clock", change_text(view, &change));
    }
    if question.explain {
        out.push('\n');
        out.push_str(&reasons(view, &[], question, look));
    }
    out
}

/// `forward by 1h at Sun 2027-03-28 03:00 CEST; the window of that day is 3h long, not 4h`
pub(super) fn change_text(view: &View<'_>, change: &Change) -> String {
    let by = change.after - change.before;
    let way = if by > 0 { "forward" } else { "back" };
    let touched = view.touched(change).iter().map(touched_text).collect::<String>();
    format!("{} {way} by {}{touched}", view.clock.read(change.at), Dur(by.unsigned_abs()))
}

fn touched_text(touched: &Touched) -> String {
    let (day, window) = (touched.date, calendar::said(&touched.window));
    match touched.length {
        Some(length) => format!("; {window} of {day} is {length} long, not {}", touched.usual),
        None => format!("; there is no {window} on {day}"),
    }
}

/// What closes a window that opens before the one it has to wait for.
fn missed(view: &View<'_>, closures: &[Closure], now: Time, needs: Option<Dur>, at: Time) -> String {
    let bare = Rules { windows: view.rules.windows.clone(), ..Rules::default() };
    let earlier = View { clock: view.clock, rules: &bare }.earliest_fit(now, needs.unwrap_or(Dur::ZERO));
    let Some(earlier) = earlier.filter(|earlier| *earlier > now && *earlier < at) else {
        return String::new();
    };
    let why = calendar::explain(view, closures, earlier, needs).into_iter().find(|r| !r.allows);
    why.map_or_else(String::new, |r| {
        format!("; before that {} is closed by {}: {}", view.clock.read(earlier), r.rule.name(), r.text)
    })
}

/// Rule by rule, and when it will be allowed.
fn reasons(view: &View<'_>, closures: &[Closure], question: &Question, look: &Outlook) -> String {
    let reasons = calendar::explain(view, closures, question.now, question.needs);
    let mut out = String::new();
    for r in &reasons {
        out.push_str(&format!("{:<9} {:<3} {}\n", r.rule.name(), if r.allows { "ok" } else { "NO" }, r.text));
    }
    out.push_str(&allowed(view, closures, question.now, question.needs, look, &reasons));
    out.push('\n');
    out
}

/// Whether it is allowed, and if not, when it will be.
pub(super) fn allowed(
    view: &View<'_>,
    closures: &[Closure],
    now: Time,
    needs: Option<Dur>,
    look: &Outlook,
    reasons: &[Reason],
) -> String {
    let fit = look.earliest_fit.filter(|_| !look.fits_now);
    match (reasons.iter().find(|r| !r.allows).map(|r| r.rule), fit) {
        (None, _) => "allowed now".into(),
        (Some(rule), Some(at)) => {
            let missed = missed(view, closures, now, needs, at);
            format!("not allowed now: {}; allowed {} ({}){missed}", rule.name(), view.clock.read(at), utc(at))
        }
        (Some(rule), None) => format!("not allowed now: {}; and {}", rule.name(), never(view, closures, now, needs)),
    }
}

/// Why nothing is allowed within [`LOOK`]: no window is long enough, or what closes the next that would be.
fn never(view: &View<'_>, closures: &[Closure], now: Time, needs: Option<Dur>) -> String {
    let bare = Rules { windows: view.rules.windows.clone(), ..Rules::default() };
    let bare = View { clock: view.clock, rules: &bare };
    // The one that holds this instant is talked about already.
    let from = if bare.in_window(now) { bare.next_start(now) } else { Some(now) };
    let Some(next) = from.and_then(|from| bare.earliest_fit(from, needs.unwrap_or(Dur::ZERO))) else {
        return match needs.filter(|needs| bare.earliest_fit(now, *needs).is_none()) {
            Some(needs) => format!("{needs} are too long for every window within {LOOK}"),
            None => format!("not within {LOOK}"),
        };
    };
    let why = calendar::explain(view, closures, next, needs).into_iter().find(|r| !r.allows);
    let why = why.map_or_else(String::new, |r| {
        format!(": the next, {}, is closed by {}: {}", view.clock.read(next), r.rule.name(), r.text)
    });
    format!("no window is open for it within {LOOK}{why}")
}
