//! What a Prometheus answered, as numbers or as the reason there are none. Pure.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::gate::{Failure, Num};

/// Most series of one answer.
const MAX_SERIES: usize = 100_000;
/// How much of a server's own words an error repeats.
const MAX_WORDS: usize = 240;

/// Numbers with their labels, in order of labels; a scalar has none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    pub series: Vec<(BTreeMap<String, String>, Num)>,
    /// What the server wants known: partial answers, metrics that look wrong.
    pub warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Reply {
    status: String,
    data: Option<Data>,
    #[serde(rename = "errorType", default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    #[serde(default)]
    infos: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Series>),
    Scalar((f64, String)),
    Matrix(IgnoredAny),
    String(IgnoredAny),
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
}

/// Reads the answer to an instant query.
///
/// # Errors
/// `Down` when the server could not answer or is no Prometheus; `Shape` when the query is at fault or the answer is not
/// made of numbers.
pub fn read(status: u16, content_type: &str, body: &[u8]) -> Result<Answer, Failure> {
    let down = |text: String| Err(Failure::Down(text));
    match status {
        401 | 403 => {
            return down(format!("it refuses the credentials ({status}): check `metrics.auth`{}", words(body)));
        }
        300..=399 => return down(format!("it redirects ({status}); name the address it redirects to")),
        404 => return down(format!("it has no /api/v1/query (404): is the address right?{}", words(body))),
        _ => {}
    }
    if content_type.starts_with("text/html") {
        return down(format!("answered text/html, not JSON ({status}): is this a Prometheus?"));
    }
    let reply: Reply = match serde_json::from_slice(body) {
        Ok(reply) => reply,
        Err(e) if (200..300).contains(&status) => {
            let kind = if content_type.is_empty() { "an answer without a type" } else { content_type };
            return down(format!("answered {} that is no Prometheus reply: {e}", kind.escape_debug()));
        }
        Err(_) => return down(format!("answered {status}{}", words(body))),
    };
    if reply.status != "success" || !(200..300).contains(&status) {
        let text = format!("{}: {}", short(&reply.error_type), short(&reply.error));
        // The query itself is at fault; everything else may pass by itself.
        let at_fault = matches!(reply.error_type.as_str(), "bad_data" | "execution") && (400..500).contains(&status);
        return Err(if at_fault { Failure::Shape(text) } else { Failure::Down(format!("{text} ({status})")) });
    }
    let warnings = reply.warnings.into_iter().chain(reply.infos).flatten().map(|w| short(&w)).collect();
    let shape = |text: &str| Err(Failure::Shape(text.to_string()));
    match reply.data {
        None => down("answered without data".into()),
        Some(Data::Scalar((_, text))) => Ok(Answer { series: vec![(BTreeMap::new(), Num(text))], warnings }),
        Some(Data::Matrix(_)) => shape("the query gives a matrix (a range), not one number per series"),
        Some(Data::String(_)) => shape("the query gives a string, not a number"),
        Some(Data::Vector(all)) if all.len() > MAX_SERIES => shape("the query gives too many series"),
        Some(Data::Vector(all)) => {
            let mut series = Vec::with_capacity(all.len());
            for one in all {
                match one.value {
                    Some((_, text)) => series.push((one.metric, Num(text))),
                    None => return shape("the query gives a native histogram, not a number"),
                }
            }
            series.sort_by(|a, b| (&a.0, &a.1.0).cmp(&(&b.0, &b.1.0)));
            Ok(Answer { series, warnings })
        }
    }
}

/// A server's words, safe to show.
fn short(text: &str) -> String {
    text.chars().take(MAX_WORDS).flat_map(char::escape_debug).collect()
}

fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_WORDS)]);
    let text = text.trim();
    if text.is_empty() || text.starts_with('<') { String::new() } else { format!(": {}", short(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(data: &str) -> Result<Answer, Failure> {
        read(200, "application/json", format!(r#"{{"status":"success","data":{data}}}"#).as_bytes())
    }

    fn numbers(data: &str) -> Vec<String> {
        ok(data).unwrap().series.into_iter().map(|(_, n)| n.0).collect()
    }

    #[test]
    fn vectors_and_scalars_are_numbers_as_written() {
        assert_eq!(numbers(r#"{"resultType":"vector","result":[]}"#), Vec::<String>::new());
        assert_eq!(
            numbers(
                r#"{"resultType":"vector","result":[{"metric":{"pod":"b"},"value":[1.5,"+Inf"]},{"metric":{"pod":"a"},"value":[1,"NaN"]}]}"#
            ),
            ["NaN", "+Inf"],
            "in order of labels"
        );
        assert_eq!(numbers(r#"{"resultType":"scalar","result":[1700000000.123,"0.1300"]}"#), ["0.1300"]);
    }

    #[test]
    fn other_shapes_are_said_by_name() {
        for (data, says) in [
            (r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"]]}]}"#, "matrix"),
            (r#"{"resultType":"string","result":[1,"x"]}"#, "string"),
            (r#"{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"1"}]}]}"#, "native histogram"),
        ] {
            let Err(Failure::Shape(text)) = ok(data) else { panic!("{data}") };
            assert!(text.contains(says), "{text}");
        }
    }

    #[test]
    fn errors_are_down_or_the_querys_own_fault() {
        let error = |status, kind: &str| {
            let body = format!(r#"{{"status":"error","errorType":"{kind}","error":"because"}}"#);
            read(status, "application/json", body.as_bytes()).unwrap_err()
        };
        assert_eq!(error(400, "bad_data"), Failure::Shape("bad_data: because".into()));
        assert_eq!(error(422, "execution"), Failure::Shape("execution: because".into()));
        for (status, kind) in
            [(503, "timeout"), (503, "canceled"), (500, "internal"), (422, "timeout"), (200, "bad_data")]
        {
            assert_eq!(error(status, kind), Failure::Down(format!("{kind}: because ({status})")));
        }
    }

    #[test]
    fn what_is_no_prometheus_is_down() {
        for (status, kind, body, says) in [
            (200, "text/html; charset=utf-8", "<html>", "text/html, not JSON (200): is this a Prometheus?"),
            (502, "text/html", "<html>", "text/html"),
            (200, "application/json", r#"{"status":"success","data":{"resultType":"vec"#, "no Prometheus reply"),
            (200, "application/json", r#"{"message":"hello"}"#, "no Prometheus reply"),
            (200, "application/json", r#"{"status":"success"}"#, "without data"),
            (200, "", "", "no Prometheus reply"),
            (500, "text/plain", "oops\u{1b}", "answered 500: oops\\u{1b}"),
            (401, "text/html", "<html>", "credentials (401): check `metrics.auth`"),
            (403, "text/plain", "no", "credentials (403)"),
            (404, "text/plain", "404 page not found", "404"),
            (302, "text/html", "", "redirects"),
        ] {
            let Err(Failure::Down(text)) = read(status, kind, body.as_bytes()) else { panic!("{body}") };
            assert!(text.contains(says), "{text}");
        }
    }

    #[test]
    fn warnings_are_kept() {
        let body = r#"{"status":"success","warnings":["partial"],"infos":["not a counter"],"data":{"resultType":"vector","result":[]}}"#;
        assert_eq!(read(200, "application/json", body.as_bytes()).unwrap().warnings, ["partial", "not a counter"]);
    }
}
