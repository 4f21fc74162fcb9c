//! Gates and samples as tests write them.
use serde_json::{Value, json};

use super::evaluate::Context;
use super::sample::Sample;
use crate::spec::policy::Gate;
use crate::spec::units::{Dur, Time};

/// A gate from its fields as in a policy file; `name` may be left out.
pub fn gate(mut fields: Value) -> Gate {
    if fields.get("name").is_none() {
        fields["name"] = json!("error_rate");
    }
    serde_json::from_value(fields).unwrap()
}

/// Step from 0, 10 s grid and source, 300 requests.
pub fn cx() -> Context {
    Context {
        step_start: Time(0),
        grid: Dur::secs(10),
        source_interval: Dur::secs(10),
        min_requests: 300,
        max_gap: Dur::secs(20),
    }
}

pub fn secs(s: i64) -> Time {
    Time(s * 1000)
}

/// One number on enough requests.
pub fn busy(at: i64, value: f64) -> Sample {
    Sample { requests: Some(1000.0), ..Sample::one(secs(at), value) }
}
