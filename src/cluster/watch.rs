//! List, then follow the stream; again and again, with a growing pause while it fails.
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::{StreamExt, pin_mut};
use kube::core::WatchEvent;
use serde_json::Value;

use super::Options;
use super::lean::watched;
use super::store::Store;
use super::wire::{Kind, Wire, chain};

/// How long a server is asked to keep a stream open.
const STREAM_SECS: u64 = 290;
/// A stream that says nothing for this long after its time is dead.
const STREAM_GRACE: Duration = Duration::from_secs(15);
/// How often a quiet stream is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// A write of ours that a stream has not told of by then was not told at all.
const OWED: Duration = Duration::from_secs(15);
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
    /// It fell silent while it is open: what it last told may be old. List again, at once.
    Silent(String),
}

/// Keeps one kind of the store in step with the server until the task is aborted.
pub async fn follow(wire: Arc<Wire>, store: Arc<Store>, kind: Kind, namespace: String, options: Options) {
    let backoff = options.backoff;
    let mut attempt = 0;
    let mut bookmarks = false;
    loop {
        let listed = match wire.confirm().await {
            Ok(()) => wire.list_at(kind, &namespace, watched).await,
            Err(fault) => Err(fault),
        };
        let mut version = match listed {
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
            if let Err(fault) = wire.confirm().await {
                store.down(kind, Some(fault.to_string()));
                tokio::time::sleep(backoff.pause(attempt, chance(), None)).await;
                attempt += 1;
                continue;
            }
            let end = Stream { wire: &wire, store: &store, kind, silence: options.silence, bookmarks: &mut bookmarks }
                .follow(&namespace, &mut version)
                .await;
            wire.doubt();
            if version != before || began.elapsed() >= GOOD_STREAM {
                attempt = 0;
            }
            let silent = matches!(end, End::Silent(_));
            let gone = silent || matches!(end, End::Gone);
            store.down(
                kind,
                match end {
                    End::Failed(why) | End::Silent(why) => Some(why),
                    End::Closed | End::Gone => None,
                },
            );
            if !silent {
                tokio::time::sleep(backoff.pause(attempt, chance(), None)).await;
                attempt += 1;
            }
            if gone {
                break;
            }
        }
    }
}

/// One stream of one kind.
struct Stream<'a> {
    wire: &'a Wire,
    store: &'a Store,
    kind: Kind,
    silence: Option<Duration>,
    /// This server was seen to send bookmarks, so that a stream without any says that something is wrong.
    bookmarks: &'a mut bool,
}

impl Stream<'_> {
    fn what(&self) -> String {
        format!("watch {}", self.kind.plural())
    }

    /// Follows the stream from `version` on, and leaves in `version` how far it came.
    async fn follow(mut self, namespace: &str, version: &mut String) -> End {
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={STREAM_SECS}&resourceVersion={version}",
            self.kind.path(namespace)
        );
        let request = match http::Request::get(path).header("accept", "application/json").body(Vec::new()) {
            Ok(request) => request,
            Err(error) => return End::Failed(format!("{}: {error}", self.what())),
        };
        let wire = self.wire;
        let opening = tokio::time::timeout(wire.timeout(), wire.client().request_events::<Value>(request)).await;
        let events = match opening {
            Err(_) => return End::Failed(format!("{}: no answer", self.what())),
            Ok(Err(kube::Error::Api(status))) if status.code == 410 => return End::Gone,
            Ok(Err(kube::Error::Api(status))) => {
                return End::Failed(format!("{}: {} ({})", self.what(), status.message, status.code));
            }
            Ok(Err(error)) => return End::Failed(format!("{}: {}", self.what(), chain(&error))),
            Ok(Ok(events)) => events,
        };
        self.store.up(self.kind);
        wire.note_answer();
        pin_mut!(events);
        let mut heard = Instant::now();
        loop {
            let event = match tokio::time::timeout(LOOK.min(self.silence.unwrap_or(LOOK)), events.next()).await {
                Err(_) => match self.silent(heard.elapsed()) {
                    Some(end) => return end,
                    None => continue,
                },
                Ok(None) => return End::Closed,
                Ok(Some(Err(error))) => return End::Failed(format!("{}: {}", self.what(), chain(&error))),
                Ok(Some(Ok(event))) => event,
            };
            heard = Instant::now();
            wire.note_answer();
            if let Some(end) = self.take(event, version) {
                return end;
            }
        }
    }

    /// What a stream is that said nothing for so long. A connection may freeze without breaking: the API server answers
    /// every other question, and only the watch tells nothing any more.
    fn silent(&self, quiet: Duration) -> Option<End> {
        if let Some(silence) = self.silence {
            if self.store.owes(self.kind, OWED.min(silence)) {
                let why = format!("{}: it does not tell of a write that was made", self.what());
                return Some(End::Silent(why));
            }
            if quiet >= silence {
                let secs = quiet.as_secs();
                let why = format!("{}: silent for {secs} s, without even a bookmark", self.what());
                // A server that never sends bookmarks may just have nothing to tell: the list says so.
                return Some(if *self.bookmarks { End::Silent(why) } else { End::Gone });
            }
        }
        (quiet >= Duration::from_secs(STREAM_SECS) + STREAM_GRACE)
            .then(|| End::Failed(format!("{}: the stream fell silent", self.what())))
    }

    fn take(&mut self, event: WatchEvent<Value>, version: &mut String) -> Option<End> {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                *version = super::json::resource_version(&object).to_string();
                self.store.put(self.kind, object);
            }
            WatchEvent::Deleted(object) => {
                *version = super::json::resource_version(&object).to_string();
                self.store.remove(self.kind, &object);
            }
            WatchEvent::Bookmark(mark) => {
                *self.bookmarks = true;
                *version = mark.metadata.resource_version;
                self.store.bookmark(self.kind, version);
            }
            WatchEvent::Error(status) if status.code == 410 => return Some(End::Gone),
            WatchEvent::Error(status) => {
                return Some(End::Failed(format!("{}: {} ({})", self.what(), status.message, status.code)));
            }
        }
        None
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
    use crate::cluster::fake::{Answer, Fake};
    use crate::engine::message::Link;

    #[tokio::test]
    async fn a_server_that_falls_silent_is_noticed_and_noticed_again() {
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

    fn list(version: &str) -> serde_json::Value {
        serde_json::json!({"metadata": {"resourceVersion": version}, "items": []})
    }

    /// Follows Services of a server whose watch freezes after these events, and tells what the link was, change by
    /// change, until it came to `until`. `again` is its answer to the next list.
    async fn frozen(events: Vec<serde_json::Value>, again: Answer, until: impl Fn(&Store) -> bool) -> Vec<String> {
        const SERVICES: &str = "GET /api/v1/namespaces/shop/services";
        let fake = Fake::default();
        fake.ok(SERVICES, list("10")).on(SERVICES, Answer::Frozen(events.clone()));
        fake.on(SERVICES, again).on(SERVICES, Answer::Frozen(events));
        let wire = Arc::new(Wire::new(fake.client(), Duration::from_secs(5)));
        let store = Arc::new(Store::default());
        let options = Options { silence: Some(Duration::from_millis(60)), ..Options::LOCAL };
        let task = tokio::spawn(follow(wire, store.clone(), Kind::Services, "shop".into(), options));
        let mut links = Vec::new();
        let all = async {
            loop {
                store.changed().await;
                store.lock().wait_on();
                if let Link::Down(why) = store.link() {
                    links.push(why);
                }
                if until(&store) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all).await.expect("it must come to that");
        task.abort();
        links
    }

    #[tokio::test]
    async fn a_watch_that_freezes_is_noticed_and_listed_again() {
        let bookmark = serde_json::json!({"type": "BOOKMARK", "object": {"kind": "Service", "apiVersion": "v1",
            "metadata": {"resourceVersion": "11", "creationTimestamp": null}}});
        // The list goes unanswered too, so that the link stays as it is.
        let links = frozen(vec![bookmark], Answer::Silence, |store| store.link() != Link::Up).await;
        assert_eq!(links, ["watch services: silent for 0 s, without even a bookmark"]);
    }

    #[tokio::test]
    async fn a_server_without_bookmarks_is_asked_again_but_not_taken_for_lost() {
        let again = Answer::Json(200, list("20"));
        let links = frozen(Vec::new(), again, |store| store.seen().get("services") == Some(&20)).await;
        assert_eq!(links, Vec::<String>::new());
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
