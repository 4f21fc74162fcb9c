//! What a pod answers on `/metrics`: Prometheus text format 0.0.4.

use super::traffic::{BOUNDS, CODES, PodCounters};
use std::fmt::Write;

/// The content type of the text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page of one pod.
pub fn page(pod: &PodCounters) -> String {
    let mut out = String::with_capacity(4096);
    // Writing to a String cannot fail.
    let _ = write_page(&mut out, pod);
    out
}

fn write_page(out: &mut String, pod: &PodCounters) -> std::fmt::Result {
    let who = format!("service=\"{}\",version=\"{}\"", pod.service, pod.version);
    out.push_str("# HELP http_requests_total Requests answered, by method and status code.\n");
    out.push_str("# TYPE http_requests_total counter\n");
    for ((method, code), n) in CODES.iter().zip(pod.codes) {
        writeln!(out, "http_requests_total{{{who},method=\"{method}\",code=\"{code}\"}} {n}")?;
    }
    out.push_str("# HELP http_request_duration_seconds Time to answer, in seconds.\n");
    out.push_str("# TYPE http_request_duration_seconds histogram\n");
    for (bound, n) in BOUNDS.iter().zip(pod.buckets) {
        writeln!(out, "http_request_duration_seconds_bucket{{{who},le=\"{bound}\"}} {n}")?;
    }
    let count = pod.count;
    writeln!(out, "http_request_duration_seconds_bucket{{{who},le=\"+Inf\"}} {count}")?;
    writeln!(out, "http_request_duration_seconds_sum{{{who}}} {:.6}", pod.sum_s)?;
    writeln!(out, "http_request_duration_seconds_count{{{who}}} {count}")?;
    out.push_str("# HELP process_start_time_seconds Start of the process, Unix time in seconds.\n");
    out.push_str("# TYPE process_start_time_seconds gauge\n");
    writeln!(out, "process_start_time_seconds {}", pod.started as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::seeded::Seeded;
    use crate::practice::traffic::Profile;

    #[test]
    fn a_fresh_pod_shows_zeros_not_absence() {
        let pod = PodCounters::new(&Seeded::new(1), "p", "billing", "4.2.1", 5_500, Profile::new(0.0, 0.2));
        let text = page(&pod);
        assert!(
            text.contains("http_requests_total{service=\"billing\",version=\"4.2.1\",method=\"GET\",code=\"500\"} 0\n")
        );
        assert!(text.contains("le=\"+Inf\"} 0\n"));
        assert!(text.ends_with("process_start_time_seconds 5.5\n"));
    }

    #[test]
    fn an_independent_reader_reads_it() {
        let pod = PodCounters::new(&Seeded::new(1), "p", "billing", "4.2.1", 0, Profile::new(0.0, 0.2));
        let lines = page(&pod).lines().map(|l| Ok(l.to_string())).collect::<Vec<_>>();
        let scrape = prometheus_parse::Scrape::parse(lines.into_iter()).expect("parses");
        assert!(scrape.samples.iter().any(|s| matches!(s.value, prometheus_parse::Value::Histogram(_))));
    }
}
