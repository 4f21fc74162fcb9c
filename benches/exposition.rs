//! How fast exposition text is read, in bytes a second, against the crate `prometheus-parse`.
//!
//! `cargo bench --bench exposition`. The text is what a busy pod shows: counters and histograms with a few labels each,
//! written so that both readers read all of it.
use std::fmt::Write;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use pilothouse::metrics::exposition::{Format, Reader};

fn main() {
    divan::main();
}

/// About a megabyte.
fn text() -> String {
    let mut text = String::new();
    for handler in 0..400 {
        let _ = writeln!(text, "# HELP http_requests_total Requests answered.\n# TYPE http_requests_total counter");
        for code in [200, 201, 302, 404, 500, 503] {
            let _ = writeln!(
                text,
                "http_requests_total{{service=\"billing\",version=\"4.2.1\",handler=\"/api/v1/h{handler}\",code=\"{code}\"}} {}",
                handler * 7919 + code
            );
        }
        for le in ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"] {
            let _ = writeln!(
                text,
                "http_request_duration_seconds_bucket{{service=\"billing\",handler=\"/api/v1/h{handler}\",le=\"{le}\"}} {}",
                handler * 31
            );
        }
        let _ = writeln!(text, "process_cpu_seconds_total{{handler=\"h{handler}\"}} {}.{handler}", handler * 3);
    }
    text
}

#[divan::bench]
fn ours(bench: Bencher) {
    let text = text();
    bench.counter(BytesCount::of_str(&text)).bench(|| {
        let mut reader = Reader::new(black_box(text.as_bytes()), Format::Text).ok()?;
        let (mut sum, mut lines) = (0.0, 0);
        while let Some(line) = reader.next() {
            sum += line.ok()?.value;
            lines += 1;
        }
        Some((sum, lines))
    });
}

#[divan::bench(sample_count = 10)]
fn prometheus_parse(bench: Bencher) {
    let text = text();
    bench.counter(BytesCount::of_str(&text)).bench(|| {
        let lines = black_box(&text).lines().map(|l| Ok(l.to_owned()));
        prometheus_parse::Scrape::parse(lines).map(|s| s.samples.len())
    });
}
