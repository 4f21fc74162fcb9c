//! List, then follow the stream; again and again, with a growing pause while it fails.
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::{StreamExt, pin_mut};
use kube::core::WatchEvent;
use serde_json::Value;

use super::store::Store;
use super::wire::{Kind, Wire, chain};

/// How long a server is asked to keep a stream open.
const STREAM_SECS: u64 = 290;
/// A stream that says nothing for this long after its time is dead.
const STREAM_GRACE: Duration = Duration::from_secs(15);
/// A stream that lived this long was a good one: the next failure counts as the first.
const GOOD_STREAM: Duration = Duration::from_secs(10);

/// The pause before the next try: doubles from `min` to `max`, of which half is chance, so that many clients do not
/// come back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub min: Duration,
    pub max: Duration,
}

impl Backoff {
    /// For a real cluster.
    pub const REAL: Backoff = Backoff { min: Duration::from_millis(500), max: Duration::from_secs(10) };
    /// For a server in the same process, where virtual time waits for the watches.
    pub const LOCAL: Backoff = Backoff { min: Duration::from_millis(10), max: Duration::from_millis(30) };

    /// Pause before try number `attempt` (0 is the first), never shorter than the server asked for. `chance` is any
    /// number; it decides within the upper half.
    pub fn pause(self, attempt: u32, chance: u32, asked: Option<Duration>) -> Duration {
        let full = self.min.saturating_mul(1 << attempt.min(16)).min(self.max);
        let half = full / 2;
        let jittered = half + half * (chance % 1000) / 1000;
        jittered.max(asked.unwrap_or_default().min(Duration::from_secs(60)))
    }
}

/// Any number; it need not be good randomness, only different between processes.
pub fn chance() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos() / 64)
}

/// How one stream ended.
enum End {
    /// The server closed it; go on from the last resource version.
    Closed,
    /// 410: too old, list again.
    Gone,
    Failed(String),
}

/// Keeps one kind of the store in step with the server until the task is aborted.
pub async fn follow(wire: Arc<Wire>, store: Arc<Store>, kind: Kind, namespace: String, backoff: Backoff) {
    let mut attempt = 0;
    loop {
        let mut version = match wire.list_at(kind, &namespace).await {
            Ok((items, version)) => {
                store.replace(kind, items, &version);
                version
            }
            Err(fault) => {
                store.down(kind, Some(fault.to_string()));
                let asked = fault.retry_after.map(Duration::from);
                tokio::time::sleep(backoff.pause(attempt, chance(), asked)).await;
                attempt += 1;
                continue;
            }
        };
        loop {
            let began = Instant::now();
            let before = version.clone();
            let end = stream(&wire, &store, kind, &namespace, &mut version).await;
            if version != before || began.elapsed() >= GOOD_STREAM {
                attempt = 0;
            }
            let gone = matches!(end, End::Gone);
            store.down(
                kind,
                match end {
                    End::Failed(why) => Some(why),
                    End::Closed | End::Gone => None,
                },
            );
            tokio::time::sleep(backoff.pause(attempt, chance(), None)).await;
            attempt += 1;
            if gone {
                break;
            }
        }
    }
}

/// Follows one stream from `version` on, and leaves in `version` how far it came.
async fn stream(wire: &Wire, store: &Store, kind: Kind, namespace: &str, version: &mut String) -> End {
    let path = format!(
        "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={STREAM_SECS}&resourceVersion={version}",
        kind.path(namespace)
    );
    let what = || format!("watch {}", kind.plural());
    let request = match http::Request::get(path).header("accept", "application/json").body(Vec::new()) {
        Ok(request) => request,
        Err(error) => return End::Failed(format!("{}: {error}", what())),
    };
    let opening = tokio::time::timeout(wire.timeout(), wire.client().request_events::<Value>(request)).await;
    let events = match opening {
        Err(_) => return End::Failed(format!("{}: no answer", what())),
        Ok(Err(kube::Error::Api(status))) if status.code == 410 => return End::Gone,
        Ok(Err(kube::Error::Api(status))) => {
            return End::Failed(format!("{}: {} ({})", what(), status.message, status.code));
        }
        Ok(Err(error)) => return End::Failed(format!("{}: {}", what(), chain(&error))),
        Ok(Ok(events)) => events,
    };
    store.up(kind);
    wire.note_answer();
    pin_mut!(events);
    loop {
        let next = tokio::time::timeout(Duration::from_secs(STREAM_SECS) + STREAM_GRACE, events.next()).await;
        let event = match next {
            Err(_) => return End::Failed(format!("{}: the stream fell silent", what())),
            Ok(None) => return End::Closed,
            Ok(Some(Err(error))) => return End::Failed(format!("{}: {}", what(), chain(&error))),
            Ok(Some(Ok(event))) => event,
        };
        wire.note_answer();
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                *version = super::json::resource_version(&object).to_string();
                store.put(kind, object);
            }
            WatchEvent::Deleted(object) => {
                *version = super::json::resource_version(&object).to_string();
                store.remove(kind, &object);
            }
            WatchEvent::Bookmark(mark) => {
                *version = mark.metadata.resource_version;
                store.bookmark(kind, version);
            }
            WatchEvent::Error(status) if status.code == 410 => return End::Gone,
            WatchEvent::Error(status) => {
                return End::Failed(format!("{}: {} ({})", what(), status.message, status.code));
            }
        }
    }
}

/// Asks the server whether it is there when it has been quiet: a machine that vanished closes no connection.
pub async fn probe(wire: Arc<Wire>, store: Arc<Store>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        if wire.answered_within(every) {
            store.silent(None);
            continue;
        }
        let question = tokio::time::timeout(every * 2, wire.read("/version", "get version")).await;
        store.silent(match question {
            // Any answer is one, a refusal too.
            Ok(Ok(_)) => None,
            Ok(Err(fault)) if fault.status.is_some_and(|s| s < 500) => None,
            Ok(Err(fault)) => Some(fault.to_string()),
            Err(_) => Some(format!("the API server gave no answer within {} s", (every * 2).as_secs_f32())),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_falls_silent_is_noticed_and_noticed_again() {
        use crate::cluster::fake::{Answer, Fake};
        use crate::engine::message::Link;
        let fake = Fake::default();
        fake.on("GET /version", Answer::Silence).on("GET /version", Answer::Json(200, serde_json::json!({})));
        let wire = Arc::new(Wire::new(fake.client(), Duration::from_secs(5)));
        let store = Arc::new(Store::default());
        let task = tokio::spawn(probe(wire, store.clone(), Duration::from_millis(10)));
        store.changed().await;
        assert!(matches!(store.link(), Link::Down(why) if why.contains("no answer within 0.02 s")));
        store.lock().wait_on();
        store.changed().await;
        assert_eq!(store.link(), Link::Up);
        task.abort();
    }

    #[test]
    fn pauses_double_up_to_the_limit_and_heed_the_server() {
        let b = Backoff::REAL;
        assert_eq!(b.pause(0, 0, None), Duration::from_millis(250));
        assert_eq!(b.pause(0, 999, None).as_millis(), 499);
        assert_eq!(b.pause(3, 0, None), Duration::from_secs(2));
        assert_eq!(b.pause(40, 0, None), Duration::from_secs(5));
        assert!(b.pause(40, 999, None) <= Duration::from_secs(10));
        assert_eq!(b.pause(0, 0, Some(Duration::from_secs(7))), Duration::from_secs(7));
    }
}
