//! Messages a second through the engine: the demo's whole night, as its journal kept it, taken in again.
//!
//! `cargo bench --bench engine`. First the night is driven once on the practice cluster, which takes some seconds.
#[path = "../tests/house/night.rs"]
mod night;

use std::sync::OnceLock;

use divan::Bencher;
use divan::counter::ItemsCount;
use night::{Night, night};
use pilothouse::engine::step;
use pilothouse::practice::Scenario;

fn main() {
    divan::main();
}

fn whole_night() -> &'static Night {
    static NIGHT: OnceLock<Night> = OnceLock::new();
    NIGHT.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let night = runtime.block_on(night(Scenario::Healthy, |_| false));
        assert!(night.last.is_ended(), "the night did not come to its end");
        night
    })
}

#[divan::bench]
fn replay(bencher: Bencher) {
    let night = whole_night();
    bencher.counter(ItemsCount::new(night.messages.len())).with_inputs(|| night.first.clone()).bench_values(
        |mut run| {
            let effects: usize = night.messages.iter().map(|message| step(&mut run, message).len()).sum();
            assert_eq!(run.event_count, night.last.event_count);
            (run, effects)
        },
    );
}

/// What the driver gives to screens after each change.
#[divan::bench]
fn copy_of_the_run(bencher: Bencher) {
    let night = whole_night();
    bencher.bench(|| night.last.clone());
}
