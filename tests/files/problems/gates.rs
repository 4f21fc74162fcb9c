//! Gates, whose mistakes are the most.
use pilothouse::spec::Severity;

use super::check;

#[test]
fn gates_that_cannot_work() {
    check(
        Severity::Error,
        &[
            (
                "- name: errors\n      measure: error_rate\n      max: 1%",
                "- ^name: errors\n      max: 1%",
                "the gate asks nothing",
                "`measure:`",
            ),
            (
                "      measure: error_rate",
                "      measure: error_rate\n      promql: ^up",
                "`measure` and `promql` exclude each other",
                "",
            ),
            (
                "- name: errors\n      measure: error_rate\n      max: 1%",
                "- ^name: errors\n      measure: error_rate",
                "nothing says which value is good",
                "`max:`",
            ),
            ("- name: latency", "- name: ^errors", "the name is taken by the gate on line 14", ""),
            ("max: 1%", "max: ^2s", "2s does not fit `error_rate`", "like 1%"),
            ("max: 1%", "max: ^5", "5 does not fit `error_rate`", "write 5% or 0.05"),
            ("max: 1%", "max: ^-1%", "no service can pass: `error_rate` is never at most -1%", ""),
            ("max: 1%", "max: 1%\n      min: ^2%", "no value is both at least 2.00% and at most 1.00%", ""),
            ("max: 1%", "max: 1%\n      min: ^0.1%", "exclude each other", ""),
            (
                "measure: error_rate\n      max: 1%",
                "measure: success_rate\n      min: ^101%",
                "no service can pass: `success_rate` is never at least 101%",
                "",
            ),
            ("max: 500ms", "max: ^1%", "1% does not fit `latency_quantile`", "like 500ms"),
            ("max: 500ms", "max: ^0s", "no service can pass", ""),
            ("quantile: 0.95", "quantile: ^95", "95 is not between 0 and 1", "write 0.95"),
            ("quantile: 0.95", "quantile: ^1", "1 is not between 0 and 1", ""),
            (
                "- name: latency\n      measure: latency_quantile\n      quantile: 0.95",
                "- ^name: latency\n      measure: latency_quantile",
                "needs a `quantile`",
                "0.95",
            ),
            (
                "measure: error_rate",
                "measure: error_rate\n      quantile: ^0.9",
                "belongs to `measure: latency_quantile`",
                "",
            ),
            (
                "measure: error_rate\n      max: 1%",
                "measure: critical_services\n      max: ^1s",
                "1s does not fit `critical_services`",
                "bare number",
            ),
            (
                "trigger: {for: 2m}",
                "trigger: {^k_of_n: {k: 5, n: 3}}",
                "5 of 3 samples can never be bad",
                "{k: 3, n: 5}",
            ),
            ("trigger: {for: 2m}", "trigger: {^k_of_n: {k: 0, n: 3}}", "0 bad samples are always there", ""),
            ("trigger: {for: 2m}", "trigger: {consecutive: ^0}", "0 bad samples in a row", ""),
            ("trigger: {for: 2m}", "trigger: {burn_rate: {slo: ^100%}}", "leaves no budget", "99.9%"),
            ("trigger: {for: 2m}", "trigger: {burn_rate: {slo: ^99.9}}", "is not a share between 0% and 100%", ""),
            (
                "trigger: {for: 2m}",
                "trigger: {burn_rate: {slo: 99%, windows: [{factor: 2, long: ^5m, short: 5m}]}}",
                "not longer than the short one",
                "",
            ),
            (
                "trigger: {for: 2m}",
                "trigger: {burn_rate: {slo: 99%, windows: [{factor: ^0, long: 1h, short: 5m}]}}",
                "0 is not above 0",
                "",
            ),
            (
                "trigger: {for: 2m}",
                "trigger: {burn_rate: {slo: 99%, ^windows: []}}",
                "no window is listed",
                "leave `windows` out",
            ),
            (
                "max: 500ms",
                "max: 500ms\n      ^trigger: {burn_rate: {slo: 99%}}",
                "which `latency_quantile` is not",
                "error_rate",
            ),
            ("max: 500ms", "baseline: {ratio: ^0}", "0 is not above 0", "1.5"),
            ("max: 500ms", "baseline: {difference: ^1%}", "1% does not fit `latency_quantile`", ""),
            (
                "measure: error_rate\n      max: 1%",
                "measure: availability\n      min: 90%\n      ^baseline: {ratio: 1.5}",
                "no old version to compare with",
                "",
            ),
            ("max: 500ms", "max: 500ms\n      window: ^0s", "a window of 0s", ""),
            ("max: 1%", "max: 1%\n      abs_bad: ^0", "always reached", ""),
        ],
    );
    check(
        Severity::Error,
        &[
            (
                "promql: sum(rate(bad{service=\"{{service}}\"}[{{window}}]))",
                "promql: ^sum(rate(bad{service=\"{{servce}}\"}[5m]))",
                "fill in for `{{servce}}`",
                "{{service}}",
            ),
            (
                "promql: sum(rate(bad{service=\"{{service}}\"}[{{window}}]))",
                "promql: ^sum(rate(bad[5m])",
                "a `)` is missing",
                "",
            ),
            ("promql: sum(rate(bad{service=\"{{service}}\"}[{{window}}]))", "promql: ^\"\"", "the query is empty", ""),
            (
                "freshness: bad{service=\"{{service}}\"}",
                "freshness: ^rate(bad[5m])",
                "not a raw selector",
                "labels alone",
            ),
        ],
    );
}

#[test]
fn gates_that_probably_mean_something_else() {
    check(
        Severity::Warning,
        &[
            (
                "- name: own\n      promql: sum(rate(bad{service=\"{{service}}\"}[{{window}}]))\n      freshness: bad{service=\"{{service}}\"}",
                "- ^name: own\n      promql: sum(bad)",
                "has no `freshness`",
                "raw selector",
            ),
            (
                "promql: sum(rate(bad{service=\"{{service}}\"}[{{window}}]))",
                "promql: ^sum(bad) or vector(0)",
                "or vector",
                "missing data into a healthy number",
            ),
            (
                "measure: error_rate\n      max: 1%",
                "measure: success_rate\n      max: ^99%",
                "`max` calls a low `success_rate` good",
                "`min: 99%`",
            ),
            ("max: 1%", "min: ^99%", "`min` calls a high `error_rate` good", "`max: 99%`"),
            ("max: 1%", "max: ^100%", "this gate is never bad", ""),
            ("max: 3", "^baseline: {ratio: 1.5}", "which way a query of your own is worse", "`max:`"),
            ("max: 500ms", "max: 500ms\n      freshness: ^up", "has no effect without `promql`", ""),
            ("max: 500ms", "max: 500ms\n      trigger: {for: ^5s}", "5s is over at the first bad sample", "instant"),
            (
                "measure: error_rate\n      max: 1%",
                "measure: availability\n      min: 90%\n      abs_bad: ^3",
                "does not count requests",
                "",
            ),
            (
                "trigger: {for: 2m}",
                "trigger: {burn_rate: {slo: 90%, windows: [{factor: ^14.4, long: 1h, short: 5m}]}}",
                "144.00% bad requests: this never fires",
                "10.0",
            ),
        ],
    );
}
