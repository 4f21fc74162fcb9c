//! What the contracts say of a plan, as text.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::compat::lines::clean;
use crate::plan::Plan;
use crate::plan::verdict::{Told, Verdict};

/// Below the table: the order with its reasons, migrations, findings, and whether it may start.
pub fn text(plan: &Plan, out: &mut String) {
    let after: Vec<String> = plan
        .services
        .iter()
        .flat_map(|p| p.after.iter().map(|(n, why)| format!("  {n} before {}: {}\n", p.service.name, clean(why))))
        .collect();
    if !after.is_empty() {
        out.push_str("\nOrder, besides what is needed:\n");
        out.extend(after);
    }
    let Some(verdict) = &plan.compat else { return };
    advice(verdict, out);
    if !verdict.migrations.is_empty() {
        out.push_str("\nMigrations, which this version does not run itself:\n");
    }
    for (service, all) in &verdict.migrations {
        for m in all {
            let when = match (m.phase.as_str(), m.deferred) {
                ("contract", true) => "when all have soaked",
                ("contract", false) => "when the old version is gone",
                _ => "before its new version",
            };
            let back = if m.reversible { "" } else { "; not undone by a rollback" };
            out.push_str(&format!("  {service} {} ({}): {when}{back}\n", clean(&m.id), m.phase));
        }
    }
    let bars = match verdict.more {
        0 => verdict.barring().count().to_string(),
        _ => format!("at least {}", verdict.barring().count()),
    };
    let free = verdict.barring().next().is_none();
    if !verdict.findings.is_empty() || !verdict.unseen.is_empty() {
        out.push_str("\nCompatibility:\n");
    }
    verdict.findings.iter().for_each(|f| finding(f, out));
    if verdict.more > 0 {
        out.push_str(&format!("  and {} more\n", verdict.more));
    }
    for f in &verdict.unseen {
        let at = f.at.as_ref().map_or(String::new(), |at| format!(" ({})", clean(at)));
        out.push_str(&format!("  unseen    {}{at}\n", clean(&f.message)));
    }
    for detour in &verdict.detours {
        out.push_str(&format!("  over versions in between: {detour}\n"));
    }
    let start = match free {
        true => "it may start".to_string(),
        false => format!("it cannot start: {bars} critical; `pilothouse compat check` says where and what to do"),
    };
    let aside = match verdict.left_out().count() {
        0 => String::new(),
        1 => ", 1 finding is left out by the CompatPolicy".to_string(),
        n => format!(", {n} findings are left out by the CompatPolicy"),
    };
    let (infos, open) = (verdict.infos, verdict.not_compared);
    out.push_str(&format!(
        "\nContracts: {start}. {infos} changes are worth knowing only, {open} parts were not compared{aside}.\n"
    ));
}

fn finding(f: &Told, out: &mut String) {
    let word = match (f.critical, &f.waived) {
        _ if f.off => "left out",
        (true, None) => "critical",
        (_, Some(_)) => "accepted",
        (false, None) => "warning",
    };
    let service = f.service.as_ref().map_or(String::new(), |s| format!("{s}: "));
    out.push_str(&format!("  {word:<8}  {service}{} ({}, {})\n", clean(&f.message), f.rule, f.fingerprint));
    if let Some(by) = &f.overruled {
        out.push_str(&format!("            {}\n", clean(by)));
    }
    if let Some(who) = &f.lapsed {
        out.push_str(&format!("            its waiver has ended: {}\n", clean(who)));
    }
}

/// Only canary is built. What else would do, and what does not go at all, is said once for each way.
fn advice(verdict: &Verdict, out: &mut String) {
    let mut by_way: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (service, a) in &verdict.advice {
        by_way.entry((a.way.name(), &a.why)).or_default().push(service);
    }
    if !by_way.is_empty() {
        out.push_str("\nStrategy: all go by canary, the one that is built. Best, and why:\n");
    }
    for ((way, why), services) in by_way {
        let named = services.iter().take(6).copied().collect::<Vec<_>>().join(" ");
        let more = if services.len() > 6 { format!(" and {} more", services.len() - 6) } else { String::new() };
        out.push_str(&format!("  {way:<15}  {why}: {named}{more}\n"));
    }
}

/// For a program.
pub fn json(plan: &Plan, value: &mut Value) {
    let Some(verdict) = &plan.compat else { return };
    value["compatible"] = json!(verdict.barring().next().is_none());
    value["compat"] = json!(verdict);
}
