//! A quantile from the buckets of a classic histogram.

/// The quantile `q` as Prometheus' `histogram_quantile` gives it: `buckets` are cumulative counts by upper bound, in any
/// order, already summed over series.
///
/// Linear within a bucket; the first bucket begins at 0 (or is its bound, when that is not positive); a rank in the
/// `+Inf` bucket gives the highest finite bound. A bucket that holds less than the one below it (scrapes that do not
/// fit together) is raised to it. `None` where Prometheus says NaN: no `+Inf` bucket, fewer than two buckets, nothing
/// observed, `q` outside 0 to 1, and 0 where the first bucket is empty.
/// Source: `bucketQuantile` and `ensureMonotonic` of `promql/quantile.go`, described under `histogram_quantile()` in the
/// Prometheus documentation.
pub fn quantile(q: f64, buckets: &[(f64, f64)]) -> Option<f64> {
    if !(0.0..=1.0).contains(&q) {
        return None;
    }
    let mut sorted: Vec<(f64, f64)> = buckets.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<(f64, f64)> = Vec::with_capacity(sorted.len());
    for (bound, count) in sorted {
        match merged.last_mut() {
            // `1` and `1.0` are the same bound, written by two versions.
            Some(last) if last.0 == bound => last.1 += count,
            _ => merged.push((bound, count)),
        }
    }
    let mut most = 0.0f64;
    for (_, count) in &mut merged {
        most = most.max(*count);
        *count = most;
    }
    let (last, all) = *merged.last()?;
    if last != f64::INFINITY || merged.len() < 2 || all.is_nan() || all <= 0.0 {
        return None;
    }
    let mut rank = q * all;
    let finite = &merged[..merged.len() - 1];
    let Some(at) = finite.iter().position(|(_, count)| *count >= rank) else {
        return finite.last().map(|(bound, _)| *bound);
    };
    let (end, mut count) = finite[at];
    if at == 0 && end <= 0.0 {
        return Some(end);
    }
    let mut start = 0.0;
    if at > 0 {
        start = finite[at - 1].0;
        count -= finite[at - 1].1;
        rank -= finite[at - 1].1;
    }
    // An empty first bucket is chosen at rank 0 only; Prometheus then divides 0 by 0.
    (count > 0.0).then(|| start + (end - start) * (rank / count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn it_interpolates_as_histogram_quantile() {
        let b = [(0.1, 50.0), (0.25, 90.0), (0.5, 98.0), (INF, 100.0)];
        for (q, expected) in [
            (0.0, Some(0.0)),
            (0.25, Some(0.05)),
            (0.5, Some(0.1)),
            (0.7, Some(0.175)),
            (0.95, Some(0.25 + 0.25 * 5.0 / 8.0)),
            (0.99, Some(0.5)),
            (1.0, Some(0.5)),
            (1.1, None),
            (-0.1, None),
            (f64::NAN, None),
        ] {
            let got = quantile(q, &b);
            assert_eq!(got.is_some(), expected.is_some(), "{q}: {got:?}");
            if let (Some(got), Some(expected)) = (got, expected) {
                assert!((got - expected).abs() < 1e-12, "{q}: {got} not {expected}");
            }
        }
    }

    #[test]
    fn nothing_comes_of_nothing() {
        for empty in [
            &[][..],
            &[(INF, 10.0)],
            &[(0.1, 0.0), (INF, 0.0)],
            &[(0.1, 5.0), (0.5, 10.0)], // no +Inf bucket
            &[(0.1, f64::NAN), (INF, f64::NAN)],
        ] {
            assert_eq!(quantile(0.95, empty), None, "{empty:?}");
        }
    }

    #[test]
    fn edges_follow_prometheus() {
        assert_eq!(quantile(0.5, &[(0.1, 0.0), (INF, 10.0)]), Some(0.1), "all above the last bound");
        assert_eq!(quantile(0.0, &[(0.1, 0.0), (INF, 10.0)]), None, "0 of an empty first bucket");
        assert_eq!(quantile(0.5, &[(-1.0, 10.0), (INF, 10.0)]), Some(-1.0), "a first bound that is not positive");
        assert_eq!(quantile(0.5, &[(INF, 10.0), (2.0, 10.0), (1.0, 0.0)]), Some(1.5), "order does not matter");
        assert_eq!(quantile(0.5, &[(0.1, 5.0), (0.1, 5.0), (INF, 10.0)]), Some(0.05), "equal bounds are one bucket");
        assert_eq!(quantile(0.5, &[(0.1, 10.0), (0.2, 4.0), (INF, 10.0)]), Some(0.05), "made monotone");
    }

    proptest! {
        #[test]
        fn it_grows_with_q_and_stays_within_the_bounds(
            counts in proptest::collection::vec(0u32..1000, 2..12), a in 0.001f64..=1.0, b in 0.001f64..=1.0,
        ) {
            let mut sum = 0.0;
            let last = counts.len() - 1;
            let buckets: Vec<(f64, f64)> = counts.iter().enumerate().map(|(i, n)| {
                sum += f64::from(*n);
                (if i == last { INF } else { (i + 1) as f64 }, sum)
            }).collect();
            let (low, high) = (a.min(b), a.max(b));
            match (quantile(low, &buckets), quantile(high, &buckets)) {
                (Some(l), Some(h)) => prop_assert!(0.0 <= l && l <= h && h <= last as f64, "{l} {h}"),
                (l, h) => prop_assert!(sum == 0.0 && l.is_none() && h.is_none()),
            }
        }
    }
}
