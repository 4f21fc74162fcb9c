//! Requests: how many arrive, which pod serves them, and what each pod has counted.
//!
//! Counted in whole virtual seconds since the world's origin, cut short only where the routing or a fault
//! changes, so the numbers do not depend on how often somebody looks.

use super::seeded::{Seeded, unit};
use super::store::Key;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Upper bounds of the latency histogram, in seconds; `+Inf` follows.
pub const BOUNDS: [f64; 17] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0];

/// Methods and codes a pod counts, in exposition order.
pub const CODES: [(&str, &str); 5] = [("GET", "200"), ("GET", "404"), ("GET", "500"), ("POST", "200"), ("POST", "500")];

/// How requests come in for one service.
#[derive(Clone, Debug)]
pub struct Load {
    pub namespace: String,
    /// The service's name: of its Service, and of its HTTPRoute when it has one.
    pub service: String,
    /// Mean requests per second; the actual rate drifts slowly around it.
    pub rps: f64,
    rng: ChaCha8Rng,
    phase: (f64, f64),
}

impl Load {
    pub fn new(seed: &Seeded, namespace: &str, service: &str, rps: f64) -> Self {
        let name = format!("load/{namespace}/{service}");
        let phase = (seed.fraction(&format!("{name}/a")), seed.fraction(&format!("{name}/b")));
        Self { namespace: namespace.into(), service: service.into(), rps, rng: seed.stream(&name), phase }
    }

    /// Requests per second at `ms`: within about a fifth of the mean, over tens of minutes.
    fn rate(&self, ms: i64) -> f64 {
        let turn = |period_s: f64, phase: f64| (std::f64::consts::TAU * (ms as f64 / 1000.0 / period_s + phase)).sin();
        self.rps * (1.0 + 0.12 * turn(2_400.0, self.phase.0) + 0.06 * turn(410.0, self.phase.1))
    }
}

/// A backend's part of a load: its weight among the shares, and the ready pods behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    pub weight: u64,
    pub pods: Vec<Key>,
}

/// How a pod answers now.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Fraction of requests answered with 5xx.
    pub error_ratio: f64,
    /// Fraction of requests at or below each bound.
    below: [f64; 17],
    mean_s: f64,
}

impl Profile {
    /// A log-normal latency with the given 95th percentile.
    pub fn new(error_ratio: f64, p95_s: f64) -> Self {
        const SIGMA: f64 = 0.7;
        let mu = p95_s.ln() - 1.644_854 * SIGMA;
        Self {
            error_ratio,
            below: BOUNDS.map(|b| normal_below((b.ln() - mu) / SIGMA)),
            mean_s: (mu + SIGMA * SIGMA / 2.0).exp(),
        }
    }
}

/// The standard normal distribution function (Abramowitz and Stegun 7.1.26, error below 1.5e-7).
fn normal_below(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let erf = 1.0 - poly * (-x * x).exp();
    if z < 0.0 { (1.0 - erf) / 2.0 } else { (1.0 + erf) / 2.0 }
}

/// What one running container has counted since it started.
#[derive(Clone, Debug)]
pub struct PodCounters {
    pub service: String,
    pub version: String,
    /// When the container started, ms.
    pub started: i64,
    pub codes: [u64; CODES.len()],
    /// Requests at or below each bound.
    pub buckets: [u64; BOUNDS.len()],
    pub sum_s: f64,
    pub count: u64,
    pub profile: Profile,
    rng: ChaCha8Rng,
}

impl PodCounters {
    /// A container that has served nothing yet.
    pub fn new(seed: &Seeded, id: &str, service: &str, version: &str, started: i64, profile: Profile) -> Self {
        Self {
            service: service.into(),
            version: version.into(),
            started,
            codes: [0; CODES.len()],
            buckets: [0; BOUNDS.len()],
            sum_s: 0.0,
            count: 0,
            profile,
            rng: seed.stream(&format!("pod/{id}/{started}")),
        }
    }

    fn serve(&mut self, n: u64) {
        let errors = binomial(&mut self.rng, n, self.profile.error_ratio);
        let missing = binomial(&mut self.rng, n - errors, 0.003);
        let u = unit(&mut self.rng);
        let posts = |k: u64| (k as f64 * 0.2 + u).floor() as u64;
        let fine = n - errors - missing;
        self.codes[0] += fine - posts(fine);
        self.codes[1] += missing;
        self.codes[2] += errors - posts(errors);
        self.codes[3] += posts(fine);
        self.codes[4] += posts(errors);
        let u = unit(&mut self.rng);
        for (count, below) in self.buckets.iter_mut().zip(self.profile.below) {
            *count += ((n as f64 * below + u).floor() as u64).min(n);
        }
        let jitter = 0.8 + 0.4 * unit(&mut self.rng);
        self.sum_s += n as f64 * self.profile.mean_s * jitter;
        self.count += n;
    }
}

/// The number of hits in `n` tries at chance `p`, by jumping from hit to hit.
fn binomial(rng: &mut ChaCha8Rng, n: u64, p: f64) -> u64 {
    if p <= 0.0 || n == 0 {
        return 0;
    }
    if p >= 1.0 {
        return n;
    }
    let (mut hits, mut at) = (0, 0u64);
    loop {
        let jump = ((1.0 - unit(rng)).ln() / (1.0 - p).ln()).floor();
        at = at.saturating_add(jump.min(1e15) as u64 + 1);
        if at > n {
            return hits;
        }
        hits += 1;
    }
}

/// A Poisson draw: exact below 30, by the normal approximation above.
fn poisson(rng: &mut ChaCha8Rng, mean: f64) -> u64 {
    if mean < 30.0 {
        let (limit, mut product, mut k) = ((-mean).exp(), unit(rng), 0);
        while product > limit {
            product *= unit(rng);
            k += 1;
        }
        return k;
    }
    let (a, b) = (1.0 - unit(rng), unit(rng));
    let z = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
    (mean + mean.sqrt() * z).round().max(0.0) as u64
}

/// All loads, the plan that splits them, and every pod's counters.
#[derive(Debug)]
pub struct Traffic {
    pub loads: Vec<Load>,
    plan: Vec<Vec<Share>>,
    pub pods: BTreeMap<Key, PodCounters>,
    served: BTreeMap<(String, String), u64>,
    arrived: u64,
    lost: u64,
    origin: i64,
    done: i64,
}

impl Traffic {
    pub fn new(loads: Vec<Load>, origin: i64) -> Self {
        let plan = loads.iter().map(|_| Vec::new()).collect();
        Self { loads, plan, pods: BTreeMap::new(), served: BTreeMap::new(), arrived: 0, lost: 0, origin, done: origin }
    }

    /// Requests come in from `now` on.
    pub fn begin(&mut self, loads: Vec<Load>, now: i64) {
        self.cut(now);
        self.plan = loads.iter().map(|_| Vec::new()).collect();
        self.loads = loads;
    }

    /// Requests sent to a backend without a ready endpoint: answered 503 by the gateway, counted at no pod.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Every request that arrived; `lost` and the pods' counts add up to it.
    pub fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Requests served by all pods of a version, dead ones included.
    pub fn served(&self, service: &str, version: &str) -> u64 {
        self.served.get(&(service.to_string(), version.to_string())).copied().unwrap_or(0)
    }

    /// The part of a service's load that goes to pods of `version`, by the plan: 0 to 1.
    pub fn share(&self, service: &str, version: &str) -> f64 {
        let Some(i) = self.loads.iter().position(|l| l.service == service) else {
            return 0.0;
        };
        let total: u64 = self.plan[i].iter().map(|s| s.weight).sum();
        if total == 0 {
            return 0.0;
        }
        let part: f64 = self.plan[i]
            .iter()
            .filter(|s| !s.pods.is_empty())
            .map(|s| {
                let of = s.pods.iter().filter(|k| self.pods.get(*k).is_some_and(|p| p.version == version));
                s.weight as f64 * of.count() as f64 / s.pods.len() as f64
            })
            .sum();
        part / total as f64
    }

    /// Serves whole seconds up to `now`.
    pub fn run_to(&mut self, now: i64) {
        loop {
            let next = self.origin + ((self.done - self.origin) / 1000 + 1) * 1000;
            if next > now {
                return;
            }
            self.serve_until(next);
        }
    }

    /// Serves up to `now` exactly; call before anything changes that decides who serves or how.
    pub fn cut(&mut self, now: i64) {
        self.run_to(now);
        if self.done < now {
            self.serve_until(now);
        }
    }

    /// Puts a new split in force from `now` on.
    pub fn replan(&mut self, now: i64, plan: Vec<Vec<Share>>) {
        if plan != self.plan {
            self.cut(now);
            self.plan = plan;
        }
    }

    fn serve_until(&mut self, until: i64) {
        let span_s = (until - self.done) as f64 / 1000.0;
        for (load, shares) in self.loads.iter_mut().zip(&self.plan) {
            let mean = load.rate(until) * span_s;
            let n = poisson(&mut load.rng, mean);
            if n == 0 {
                continue;
            }
            self.arrived += n;
            let total: u64 = shares.iter().map(|s| s.weight).sum();
            if total == 0 {
                self.lost += n;
                continue;
            }
            let u = unit(&mut load.rng);
            let (mut sum, mut before) = (0u64, u.floor() as u64);
            for share in shares {
                sum += share.weight;
                let upto = (n as f64 * sum as f64 / total as f64 + u).floor() as u64;
                let part = upto - before;
                before = upto;
                if part == 0 {
                    continue;
                }
                if share.pods.is_empty() {
                    self.lost += part;
                    continue;
                }
                let v = unit(&mut load.rng);
                let mut handed = v.floor() as u64;
                for (i, key) in share.pods.iter().enumerate() {
                    let upto = (part as f64 * (i + 1) as f64 / share.pods.len() as f64 + v).floor() as u64;
                    let k = upto - handed;
                    handed = upto;
                    let Some(pod) = self.pods.get_mut(key).filter(|_| k > 0) else {
                        self.lost += k;
                        continue;
                    };
                    pod.serve(k);
                    let id = (pod.service.clone(), pod.version.clone());
                    *self.served.entry(id).or_default() += k;
                }
            }
        }
        self.done = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        ("shop".into(), name.into())
    }

    fn traffic(weights: &[(u64, &[&str])]) -> Traffic {
        let seed = Seeded::new(3);
        let mut t = Traffic::new(vec![Load::new(&seed, "shop", "billing", 80.0)], 0);
        for name in weights.iter().flat_map(|w| w.1) {
            let version = if name.starts_with('n') { "2" } else { "1" };
            let profile = Profile::new(0.01, 0.3);
            t.pods.insert(key(name), PodCounters::new(&seed, name, "billing", version, 0, profile));
        }
        let plan =
            weights.iter().map(|(weight, pods)| Share { weight: *weight, pods: pods.iter().map(|p| key(p)).collect() });
        t.replan(0, vec![plan.collect()]);
        t
    }

    #[test]
    fn weights_split_the_requests_and_nothing_gets_lost() {
        let mut t = traffic(&[(90, &["o1", "o2", "o3"]), (10, &["n1"])]);
        t.run_to(600_000);
        let (old, new) = (t.served("billing", "1"), t.served("billing", "2"));
        assert_eq!(old + new, t.arrived());
        assert_eq!(t.lost(), 0);
        let share = new as f64 / (old + new) as f64;
        assert!((share - 0.1).abs() < 0.005, "{share}");
        assert!((t.share("billing", "2") - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_backend_without_endpoints_loses_its_part() {
        let mut t = traffic(&[(50, &["o1"]), (50, &[])]);
        t.run_to(100_000);
        assert_eq!(t.lost() + t.served("billing", "1"), t.arrived());
        assert!((t.lost() as f64 / t.arrived() as f64 - 0.5).abs() < 0.01);
    }

    #[test]
    fn the_numbers_do_not_depend_on_how_time_was_cut_up() {
        let (mut a, mut b) = (traffic(&[(1, &["o1", "n1"])]), traffic(&[(1, &["o1", "n1"])]));
        a.run_to(60_000);
        for ms in (0..=60_000).step_by(370) {
            b.run_to(ms);
        }
        b.run_to(60_000);
        assert_eq!(a.pods[&key("o1")].codes, b.pods[&key("o1")].codes);
        assert_eq!(a.pods[&key("n1")].buckets, b.pods[&key("n1")].buckets);
    }

    #[test]
    fn a_change_within_a_second_splits_that_second() {
        let mut t = traffic(&[(1, &["o1", "n1"])]);
        let only = |pod: &str| vec![vec![Share { weight: 1, pods: vec![key(pod)] }]];
        for second in 0..600 {
            t.replan(second * 1000, only("o1"));
            t.replan(second * 1000 + 900, only("n1"));
        }
        t.cut(600_000);
        let share = t.served("billing", "2") as f64 / t.arrived() as f64;
        assert!((share - 0.1).abs() < 0.02, "{share}");
    }

    #[test]
    fn errors_and_latencies_follow_the_profile() {
        let mut t = traffic(&[(1, &["o1"])]);
        t.run_to(1_000_000);
        let p = &t.pods[&key("o1")];
        let errors = (p.codes[2] + p.codes[4]) as f64 / p.count as f64;
        assert!((errors - 0.01).abs() < 0.0015, "{errors}");
        assert_eq!(p.codes.iter().sum::<u64>(), p.count);
        let at = BOUNDS.iter().position(|b| *b == 0.3).expect("a bound");
        let below = p.buckets[at] as f64 / p.count as f64;
        assert!((below - 0.95).abs() < 0.01, "{below}");
        assert!(p.buckets.is_sorted());
    }
}
