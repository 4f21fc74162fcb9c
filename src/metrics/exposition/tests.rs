use proptest::prelude::*;

use super::*;

type Owned = (String, Vec<(String, String)>, String, Option<i64>);

/// Every line of a text, values as text so that NaN equals NaN.
fn all(text: &str) -> Vec<Result<Owned, (usize, Option<String>)>> {
    let mut reader = Reader::new(text.as_bytes(), Format::Text).unwrap();
    let mut out = Vec::new();
    while let Some(line) = reader.next() {
        out.push(match line {
            Ok(l) => Ok((
                l.metric.to_string(),
                l.labels.iter().map(|l| (l.name.to_string(), l.value.to_string())).collect(),
                l.value.to_string(),
                l.timestamp,
            )),
            Err(e) => Err((e.line, e.metric)),
        });
    }
    out
}

fn one(line: &str) -> Owned {
    let mut lines = all(&format!("{line}\n"));
    assert_eq!(lines.len(), 1, "{line}");
    lines.remove(0).unwrap_or_else(|e| panic!("{line}: {e:?}"))
}

fn owned(metric: &str, labels: &[(&str, &str)], value: &str) -> Owned {
    (metric.into(), labels.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(), value.into(), None)
}

#[test]
fn legal_lines_are_read_as_prometheus_reads_them() {
    for (line, metric, labels, value) in [
        ("foo 1", "foo", &[][..], "1"),
        ("foo\t1", "foo", &[], "1"),
        ("  foo   1  ", "foo", &[], "1"),
        ("foo 1\r", "foo", &[], "1"),
        ("foo{} 1", "foo", &[], "1"),
        (r#"foo{a="b"}1"#, "foo", &[("a", "b")], "1"),
        (r#"foo {a="b"} 1"#, "foo", &[("a", "b")], "1"),
        (r#"foo { a = "b" , c = "d" , } 1"#, "foo", &[("a", "b"), ("c", "d")], "1"),
        (r#"foo{a="b",} 1"#, "foo", &[("a", "b")], "1"),
        (r#"foo{path="/users/{id}"} 1"#, "foo", &[("path", "/users/{id}")], "1"),
        (r#"foo{q="a,b"} 1"#, "foo", &[("q", "a,b")], "1"),
        (r#"foo{q="a=b"} 1"#, "foo", &[("q", "a=b")], "1"),
        (r#"foo{q="a#b"} 1"#, "foo", &[("q", "a#b")], "1"),
        (r#"foo{q=""} 1"#, "foo", &[("q", "")], "1"),
        (r#"foo{q="a\"b\\c\nd\te"} 1"#, "foo", &[("q", "a\"b\\c\nd\\te")], "1"),
        (r#"foo{q="\\n"} 1"#, "foo", &[("q", "\\n")], "1"),
        (r#"foo{q="straße 🎻"} 1"#, "foo", &[("q", "straße 🎻")], "1"),
        (r#"job:req:rate5m{a="b"} 1.5"#, "job:req:rate5m", &[("a", "b")], "1.5"),
        (r#"{"utf8.name"} 1"#, "utf8.name", &[], "1"),
        (r#"{"utf8.name",a="b"} 1"#, "utf8.name", &[("a", "b")], "1"),
        (r#"{"utf8.name","http.status"="500"} 1"#, "utf8.name", &[("http.status", "500")], "1"),
        (r#"foo{"le"="+Inf"} 1"#, "foo", &[("le", "+Inf")], "1"),
        ("foo NaN", "foo", &[], "NaN"),
        ("foo nan", "foo", &[], "NaN"),
        ("foo +Inf", "foo", &[], "inf"),
        ("foo Inf", "foo", &[], "inf"),
        ("foo -Inf", "foo", &[], "-inf"),
        ("foo 1e3", "foo", &[], "1000"),
        ("foo -1.5E-3", "foo", &[], "-0.0015"),
        ("foo +.5", "foo", &[], "0.5"),
        ("foo 99999999999999999999", "foo", &[], "100000000000000000000"),
    ] {
        assert_eq!(one(line), owned(metric, labels, value), "{line}");
    }
}

#[test]
fn a_line_that_cannot_be_read_says_which_metric_it_was_about() {
    for (line, metric) in [
        ("foo", Some("foo")),
        ("foo ", Some("foo")),
        ("foo one", Some("foo")),
        ("foo 1_000", Some("foo")),
        ("foo 0x1p3", Some("foo")),
        ("foo 1,5", Some("foo")),
        ("foo 1 2 3", Some("foo")),
        ("foo 1 soon", Some("foo")),
        ("foo 1 # a remark", Some("foo")),
        ("foo{", Some("foo")),
        (r#"foo{a="b" 1"#, Some("foo")),
        (r#"foo{a="b 1"#, Some("foo")),
        (r#"foo{a="b\"} 1"#, Some("foo")),
        (r#"foo{a=b} 1"#, Some("foo")),
        (r#"foo{a} 1"#, Some("foo")),
        (r#"foo{a="b",,c="d"} 1"#, Some("foo")),
        (r#"foo{,} 1"#, Some("foo")),
        (r#"foo{a="b"c="d"} 1"#, Some("foo")),
        (r#"foo{a="b",a="c"} 1"#, Some("foo")),
        (r#"foo{a:b="c"} 1"#, Some("foo")),
        (r#"foo{"bar"} 1"#, Some("foo")),
        (r#"foo.bar 1"#, Some("foo")),
        (r#"{"utf8.name",a=b} 1"#, Some("utf8.name")),
        (r#"{a="b"} 1"#, None),
        ("{} 1", None),
        ("1foo 1", None),
        ("ümlaut 1", None),
        ("\u{1b}[2J 1", None),
    ] {
        assert_eq!(all(&format!("{line}\n")), [Err((1, metric.map(String::from)))], "{line}");
    }
}

#[test]
fn reading_goes_on_after_a_bad_line() {
    let text = "# HELP foo Has \"quotes\" and {braces}.\n# TYPE foo counter\nfoo 1\n\nfoo x\n   # note\nbar 2\n";
    assert_eq!(all(text), [Ok(owned("foo", &[], "1")), Err((5, Some("foo".into()))), Ok(owned("bar", &[], "2"))]);
}

#[test]
fn timestamps_are_milliseconds_or_in_open_metrics_seconds() {
    let stamp = |text: &str| all(text)[0].clone().unwrap().3;
    assert_eq!(stamp("foo 1 1520879607789\n"), Some(1_520_879_607_789));
    assert_eq!(stamp("foo 1 -5\n"), Some(-5));
    assert_eq!(stamp("foo 1 1520879607.789\n"), Some(1_520_879_607_789));
    assert_eq!(stamp("foo 1 1520879607\n# EOF\n"), Some(1_520_879_607_000));
    assert_eq!(stamp("foo 1 1520879607\n# EOF"), Some(1_520_879_607_000));
}

#[test]
fn exemplars_are_passed_over() {
    let text = "foo_bucket{le=\"1\"} 7 # {trace_id=\"a} b\"} 0.67\nfoo_bucket{le=\"2\"} 8 12.5 # {} 1 1.5\n# EOF\n";
    let got = all(text);
    assert_eq!(got[0].clone().unwrap(), owned("foo_bucket", &[("le", "1")], "7"));
    assert_eq!(got[1].clone().unwrap().3, Some(12_500));
}

#[test]
fn what_is_no_exposition_is_refused_whole() {
    let refused = |body: &[u8], format| Reader::new(body, format).err();
    assert_eq!(refused(b"\n <!DOCTYPE html><html>", Format::Text), Some(Refused::Html));
    assert_eq!(refused(b"foo 1\nfoo{a=\"\xff\"} 1\n", Format::Text), Some(Refused::NotText { line: 2 }));
    assert_eq!(refused(&vec![b'a'; MAX_BODY + 1], Format::Text), Some(Refused::TooLong));
    assert_eq!(refused(b"foo 1\n", Format::OpenMetrics), Some(Refused::CutOff));
    assert_eq!(refused(b"foo 1\n# EOF\n", Format::OpenMetrics), None);
    assert_eq!(refused(b"", Format::Text), None);
}

#[test]
fn a_last_line_without_its_end_is_not_relied_on() {
    // `foo 12` may be the start of `foo 1234`.
    assert_eq!(all("foo 1\nbar 12"), [Ok(owned("foo", &[], "1")), Err((2, Some("bar".into())))]);
    // And `ba` the start of `bar 12`: it may be about any metric.
    assert_eq!(all("foo 1\nba"), [Ok(owned("foo", &[], "1")), Err((2, None))]);
    assert_eq!(all("foo 1\n# EOF").len(), 1);
    assert_eq!(all("foo 1\n# EOF\nbar 2\n# EOF\n")[1], Err((3, None)));
}

#[test]
fn doubts_fall_on_the_metric_or_on_all() {
    let mut doubts = Doubts::default();
    doubts.add(Unreadable { line: 3, metric: Some("foo".into()), why: "x".into() });
    assert!(doubts.of("foo").is_some() && doubts.of("bar").is_none());
    doubts.add(Unreadable { line: 9, metric: None, why: "y".into() });
    assert_eq!(doubts.of("bar").map(|u| u.line), Some(9));
    assert_eq!(doubts.lines, 2);
    let mut many = Doubts::default();
    for n in 0..=MAX_DOUBTS {
        many.add(Unreadable { line: n, metric: Some(format!("m{n}")), why: String::new() });
    }
    assert!(many.of("not_mentioned").is_some(), "beyond the bound every metric is in doubt");
}

#[test]
fn errors_are_short_and_safe_to_print() {
    let long = format!("\u{1b}[31m{}", "x".repeat(5000));
    for line in [format!("foo {long}"), format!("foo{{\"{long}\"=1}} 1"), format!("foo 1 {long}"), long] {
        let text = format!("{line}\n");
        let mut reader = Reader::new(text.as_bytes(), Format::Text).unwrap();
        let shown = reader.next().unwrap().unwrap_err().why;
        assert!(!shown.contains('\u{1b}') && shown.len() < 300, "{shown}");
    }
}

#[test]
fn time_grows_with_the_length_and_not_its_square() {
    // One line of many labels, a body of one endless line, and many bad lines all end; the bounds decide, not a clock.
    let labels: String = (0..10_000).map(|n| format!("l{n}=\"v\",")).collect();
    assert_eq!(all(&format!("foo{{{labels}}} 1\n")), [Err((1, Some("foo".into())))]);
    assert_eq!(all(&format!("foo{{a=\"{}\"}} 1\n", "v".repeat(1 << 20))), [Err((1, Some("foo".into())))]);
    assert_eq!(all(&"foo x\n".repeat(50_000)).len(), 50_000);
}

/// Text both our reader and `prometheus-parse` read: no braces, commas, equals signs, quotes or escapes in values.
fn safe_sample() -> impl Strategy<Value = (String, Vec<(String, String)>, f64, Option<i64>)> {
    (
        "[a-z][a-z0-9_]{0,12}",
        proptest::collection::btree_map("[a-z][a-z0-9]{0,6}", "[a-zA-Z0-9/ .:_-]{1,10}", 0..4),
        prop_oneof![any::<i32>().prop_map(f64::from), -1e9f64..1e9, Just(f64::INFINITY), Just(f64::NAN)],
        proptest::option::of(0i64..2_000_000_000_000),
    )
        .prop_map(|(name, labels, value, time)| (name, labels.into_iter().collect(), value, time))
}

proptest! {
    #[test]
    fn agrees_with_prometheus_parse_on_the_safe_subset(samples in proptest::collection::vec(safe_sample(), 0..20)) {
        let mut text = String::new();
        for (name, labels, value, time) in &samples {
            let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{v}\"")).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let value = if value.is_infinite() { "+Inf".to_string() } else { value.to_string() };
            let time = time.map(|t| format!(" {t}")).unwrap_or_default();
            text.push_str(&format!("{name}{labels} {value}{time}\n"));
        }
        let ours: Vec<_> = all(&text).into_iter().map(Result::unwrap).collect();
        let lines = text.lines().map(|l| Ok(l.to_owned()));
        let theirs = prometheus_parse::Scrape::parse(lines).unwrap();
        prop_assert_eq!(ours.len(), theirs.samples.len());
        for ((o, t), (_, _, _, time)) in ours.iter().zip(&theirs.samples).zip(&samples) {
            prop_assert_eq!(&o.0, &t.metric);
            let mut labels: Vec<_> = t.labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            labels.sort();
            prop_assert_eq!(&o.1, &labels);
            let prometheus_parse::Value::Untyped(value) = t.value else { panic!("typed: {t:?}") };
            prop_assert_eq!(&o.2, &value.to_string());
            prop_assert_eq!(o.3, *time);
            if let Some(time) = time {
                prop_assert_eq!(t.timestamp.timestamp_millis(), *time);
            }
        }
    }

    #[test]
    fn any_label_value_comes_back_as_it_was(value in any::<String>(), name in "[a-z]{1,5}") {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let text = format!("foo{{{name}=\"{escaped}\"}} 1\n");
        prop_assert_eq!(one(text.trim_end_matches('\n')), owned("foo", &[(&name, &value)], "1"));
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Ok(mut reader) = Reader::new(text.as_bytes(), Format::Text) {
            while let Some(line) = reader.next() {
                let _ = line;
            }
        }
    }

    #[test]
    fn nearly_legal_text_makes_it_neither_panic_nor_miss_a_line(text in "([a-z{}\"=,\\\\ #0-9]{0,12}\n){0,8}") {
        let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).count();
        if !text.trim_start().starts_with('<') {
            prop_assert_eq!(all(&text).len(), lines);
        }
    }
}
