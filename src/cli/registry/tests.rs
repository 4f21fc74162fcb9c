//! A registry that is played: it answers as Confluent's and Karapace do, and keeps what it was asked.
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;

use super::*;

#[derive(Clone, Default)]
struct Played {
    asked: Arc<Mutex<Vec<String>>>,
    /// Karapace says less.
    karapace: bool,
    level: &'static str,
    takes: bool,
    refers: bool,
}

const REFERS: &str = r#"{"type":"record","name":"E","fields":[{"name":"id","type":"Id"}]}"#;
const ID: &str = r#"{"type":"fixed","name":"Id","size":16}"#;
const OLD: &str = r#"{"type":"record","name":"E","fields":[{"name":"id","type":"string"}]}"#;
const NEW: &str = r#"{"type":"record","name":"E","fields":[{"name":"id","type":"string"},{"name":"n","type":"int"}]}"#;

async fn answer(
    State(s): State<Played>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let line = format!("{method} {uri} {}", String::from_utf8_lossy(&body));
    s.asked.lock().unwrap().push(line.trim().to_string());
    let auth = headers.get("authorization").map(|h| h.to_str().unwrap().to_string());
    assert_eq!(auth.as_deref(), Some("Basic bWFyYTpzZWNyZXQ="));
    assert_eq!(headers["accept"], TYPE);
    let text = match (method.as_str(), uri.path()) {
        ("GET", "/sr/subjects/E-value/versions") => "[1,2]".to_string(),
        ("GET", "/sr/config/E-value") => format!(r#"{{"compatibilityLevel":"{}"}}"#, s.level),
        ("GET", path) if path.starts_with("/sr/subjects/E-value/versions/") => {
            let more = if s.karapace { "" } else { r#","schemaType":"AVRO""# };
            let refers = r#","references":[{"name":"Id","subject":"id-value","version":3}]"#;
            let (schema, refers) = if s.refers { (REFERS, refers) } else { (OLD, "") };
            format!(r#"{{"subject":"E-value","version":2,"id":7,"schema":{schema:?}{more}{refers}}}"#)
        }
        ("GET", "/sr/subjects/id-value/versions/3") if s.takes => {
            format!(r#"{{"subject":"id-value","version":3,"id":9,"schema":{:?}}}"#, ID)
        }
        ("POST", path) if path.starts_with("/sr/compatibility/subjects/E-value/versions/") => {
            assert_eq!(headers["content-type"], TYPE);
            let why = if s.takes { "" } else { "\"READER_FIELD_MISSING_DEFAULT_VALUE\"" };
            match s.karapace && s.takes {
                true => r#"{"is_compatible":true}"#.to_string(),
                false => format!(r#"{{"is_compatible":{},"messages":[{why}]}}"#, s.takes),
            }
        }
        _ => {
            let fault = r#"{"error_code":40401,"message":"Subject 'F-value' not found."}"#;
            return (StatusCode::NOT_FOUND, [("content-type", TYPE)], fault.to_string());
        }
    };
    (StatusCode::OK, [("content-type", TYPE)], text)
}

/// Serves it on a free port until the test ends.
fn serve(played: Played) -> (String, tokio::runtime::Runtime) {
    crate::cluster::connect::install_crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}/sr", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(played);
    runtime.spawn(async move { axum::serve(listener, app).await });
    (url, runtime)
}

fn registry(url: &str, name: &str) -> (Registry, std::path::PathBuf) {
    // The program does it at its start.
    crate::cluster::connect::install_crypto();
    let file = std::env::temp_dir().join(format!("pilothouse-registry-{name}-{}", std::process::id()));
    std::fs::write(&file, "secret\n").unwrap();
    let basic = crate::spec::fleet::Basic { user: "mara".into(), password_file: file.display().to_string() };
    (Registry { url: url.into(), bearer_file: None, basic: Some(basic) }, file)
}

fn enquiry(event: &str) -> Enquiry {
    Enquiry {
        service: "orders".into(),
        event: event.into(),
        subject: format!("{event}-value"),
        json: false,
        schema: NEW.into(),
    }
}

#[test]
fn both_registries_are_asked_the_same_and_only_read() {
    for (karapace, level, versions) in [(false, "BACKWARD", 1), (true, "FULL_TRANSITIVE", 2)] {
        let played = Played { karapace, level, takes: karapace, ..Played::default() };
        let (url, _runtime) = serve(played.clone());
        let (registry, file) = registry(&url, level);
        let (said, notes) = ask(&registry, vec![enquiry("E"), enquiry("F")]);
        assert_eq!(notes, ["F-value: the schema registry is not asked: it has no such subject"]);
        let said = &said[0];
        assert_eq!((said.mode.unwrap().name(), said.versions.len()), (level.to_lowercase().as_str(), versions));
        assert_eq!((said.takes, said.messages.is_empty()), (karapace, karapace));
        assert_eq!(said.versions.last().unwrap(), &(2, OLD.to_string()));
        let asked = played.asked.lock().unwrap().clone();
        // Compatibility is asked by POST; anything else that is posted would register.
        let posts: Vec<&String> = asked.iter().filter(|l| !l.starts_with("GET ")).collect();
        assert_eq!(posts.len(), versions);
        for post in posts {
            assert!(post.starts_with("POST /sr/compatibility/subjects/E-value/versions/"), "{post}");
            assert!(post.contains("?verbose=true ") && post.contains(r#""schemaType":"AVRO""#), "{post}");
        }
        assert!(asked.contains(&"GET /sr/config/E-value?defaultToGlobal=true".to_string()), "{asked:?}");
        let _ = std::fs::remove_file(file);
    }
}

#[test]
fn a_schema_that_refers_to_another_subject_is_put_together() {
    let played = Played { level: "BACKWARD", takes: true, refers: true, ..Played::default() };
    let (url, _runtime) = serve(played);
    let (there, file) = registry(&url, "refers");
    let (said, notes) = ask(&there, vec![enquiry("E")]);
    assert_eq!(notes, [""; 0]);
    let schema: serde_json::Value = serde_json::from_str(&said[0].versions[0].1).unwrap();
    assert_eq!(schema["fields"][0]["type"]["size"], 16);
    // What it refers to is not there: not asked, and told why.
    let (url, _runtime) = serve(Played { level: "BACKWARD", takes: false, refers: true, ..Played::default() });
    let (gone, _) = registry(&url, "refers");
    let (said, notes) = ask(&gone, vec![enquiry("E")]);
    assert!(
        said.is_empty() && notes[0].contains("`Id`, which is version 3 of id-value: it has no such subject"),
        "{notes:?}"
    );
    let _ = std::fs::remove_file(file);
}

#[test]
fn what_cannot_be_asked_is_told_without_the_secret() {
    let (registry, file) = registry("http://127.0.0.1:1/", "away");
    let (said, notes) = ask(&registry, vec![enquiry("E")]);
    assert!(said.is_empty() && notes[0].contains("it does not answer"), "{notes:?}");
    assert!(!format!("{notes:?}").contains("secret"));
    std::fs::remove_file(file).unwrap();
    let (_, notes) = ask(&registry, vec![enquiry("E")]);
    assert!(notes[0].contains("cannot be read"), "{notes:?}");
    assert_eq!(ask(&registry, Vec::new()), (Vec::new(), Vec::new()));
}
