//! A run without a screen whose window is closed: it says so, waits, and begins by itself or leaves when told to.

use std::time::Duration;

use crate::support::e2e::{Files, Practice, Work, ends, pilothouse};
use pilothouse::spec::units::{Dur, Time};
use pilothouse::spec::when::Instant;

const SOON: Duration = Duration::from_secs(120);

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time(i64::try_from(since.as_millis()).unwrap())
}

/// The files of one service, frozen until then.
fn frozen_until(to: Time) -> String {
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).text();
    format!(
        "{files}---\napiVersion: pilothouse.dev/v1alpha1\nkind: Calendar\nmetadata: {{name: house}}\nspec:\n  freezes:\n    - \
         {{name: ledger day, from: 2020-01-01T00:00:00Z, to: {}}}\n",
        Instant(to)
    )
}

#[test]
fn a_closed_window_is_waited_for_and_then_the_run_begins() {
    let work = Work::new("window");
    let practice = Practice::start(&work, "healthy");
    let run = |to: Time, more: &[&str]| {
        let files = work.write("all.yaml", &frozen_until(to));
        let mut command = pilothouse(&work);
        command.arg("--kubeconfig").arg(&practice.kubeconfig).args(["run", "-f"]).arg(files).args(more);
        ends(&mut command, SOON)
    };
    let said = run(now() + Dur::hours(1), &["--timeout", "3s"]);
    said.is(5, &["waits for its window: freeze: ledger day", "until --timeout ran out, and nothing was changed"]);
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    // Nothing within 400 days: nobody is made to wait for that.
    let never = run(now() + Dur::hours(24 * 500), &["--timeout", "60s"]);
    never.is(2, &["no window within 400 days is open", "let the freeze leave"]);
    // It begins by itself; what it came to when its time was up goes back, as ever.
    let begun = run(now() + Dur::secs(4), &["--timeout", "20s"]);
    begun.is(3, &["waits for its window: freeze: ledger day", "the window opens", "begins: 1 service ", "Rolled back"]);
    assert_eq!(practice.leftovers(), Vec::<String>::new());
}
