//! `pilothouse compat rules`: every rule with its severity, reason and an example.
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::cli::args::TextOrJson;
use crate::compat::{book, openapi::rules};

pub fn list(output: TextOrJson, out: &mut dyn Write) -> io::Result<()> {
    let all: Vec<&rules::Rule> = rules::all().into_iter().chain(book::all()).collect();
    match output {
        TextOrJson::Json => {
            let rule = |r: &&rules::Rule| -> Value {
                json!({
                    "rule": r.id,
                    "severity": r.severity,
                    "direction": r.direction,
                    "area": r.area,
                    "reason": r.why,
                    "example": r.example,
                    "recommendation": r.advice,
                })
            };
            writeln!(out, "{:#}", Value::from(all.iter().map(rule).collect::<Vec<_>>()))
        }
        TextOrJson::Text => {
            for r in all {
                let severity = format!("{:?}", r.severity).to_lowercase();
                writeln!(out, "{:<9} {}\n          {}\n          e.g. {}", severity, r.id, r.why, r.example)?;
            }
            Ok(())
        }
    }
}
