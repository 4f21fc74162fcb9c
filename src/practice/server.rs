//! The world on a socket: the API server, and a second port on which every pod's `/metrics` can be scraped.

use super::api::{Answer, Ask, Body};
use super::shared::Shared;
use super::status;
use super::watch::Watch;
use super::who::{ADMIN_TOKEN, VIEWER_TOKEN};
use super::world::Outage;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use futures::Stream;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The largest request body read, in bytes (a real API server's limit is 3 MB).
const MAX_BODY: usize = 3 * 1024 * 1024;
/// How often an idle watch gets a bookmark, wall time.
const BOOKMARK_EVERY: Duration = Duration::from_secs(20);

/// A running practice API server with its scrape port. Both stop when it is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Shared,
    addr: SocketAddr,
    scrape_addr: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Listens on `listen` (port 0: any) and, for scraping, on any port of the same address.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub async fn start(shared: Shared, listen: SocketAddr) -> io::Result<Server> {
        let scrape = SocketAddr::new(listen.ip(), 0);
        Self::start_with(shared, listen, scrape).await
    }

    /// The same with a chosen address for scraping.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub async fn start_with(shared: Shared, listen: SocketAddr, scrape: SocketAddr) -> io::Result<Server> {
        let api = TcpListener::bind(listen).await?;
        let pods = TcpListener::bind(scrape).await?;
        let (addr, scrape_addr) = (api.local_addr()?, pods.local_addr()?);
        let api_app = axum::Router::new().fallback(answer_api).with_state(shared.clone());
        let pods_app = axum::Router::new().fallback(answer_pods).with_state((shared.clone(), scrape_addr));
        let api_app = api_app.into_make_service_with_connect_info::<Line>();
        let tasks = vec![
            tokio::spawn(async move {
                // Accepting never ends by itself; the task is stopped with the server.
                let _ = axum::serve(Lines(api), api_app).await;
            }),
            tokio::spawn(async move {
                let _ = axum::serve(pods, pods_app).await;
            }),
        ];
        Ok(Server { shared, addr, scrape_addr, tasks })
    }

    /// The API server's address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where pods are scraped: `/sd` lists them for Prometheus, `/pods/{namespace}/{pod}/metrics` is one.
    pub fn scrape_addr(&self) -> SocketAddr {
        self.scrape_addr
    }

    /// The world served.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// A kubeconfig: context `practice` (may do all) and `practice-viewer` (may look), namespace `shop`. The token
    /// also stands in the server's path, because kubectl sends none over plain HTTP.
    pub fn kubeconfig(&self) -> String {
        let namespace = self.shared.with(|w| w.director.namespace.clone());
        let addr = self.addr;
        let mut out = String::from("apiVersion: v1\nkind: Config\ncurrent-context: practice\n");
        let all = [("practice", ADMIN_TOKEN), ("practice-viewer", VIEWER_TOKEN)];
        out.push_str("clusters:\n");
        for (name, token) in all {
            out.push_str(&format!("- name: {name}\n  cluster: {{server: \"http://{addr}/token/{token}\"}}\n"));
        }
        out.push_str("users:\n");
        for (name, token) in all {
            out.push_str(&format!("- name: {name}\n  user: {{token: {token}}}\n"));
        }
        out.push_str("contexts:\n");
        for (name, _) in all {
            out.push_str(&format!(
                "- name: {name}\n  context: {{cluster: {name}, user: {name}, namespace: {namespace}}}\n"
            ));
        }
        out
    }

    /// Stops listening; open connections end with the runtime's tasks.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for t in &self.tasks {
            t.abort();
        }
    }
}

/// A connection that can be cut without an answer.
#[derive(Clone, Debug, Default)]
struct Line {
    cut: Arc<AtomicBool>,
}

impl Line {
    fn cut(&self) -> Response {
        self.cut.store(true, Ordering::SeqCst);
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

/// A listener whose connections are [`Line`]s.
struct Lines(TcpListener);

struct LineStream {
    inner: TcpStream,
    line: Line,
}

impl Listener for Lines {
    type Io = LineStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (inner, addr) = Listener::accept(&mut self.0).await;
        // Small answers should not wait for more to come; a socket that refuses this still works.
        let _ = inner.set_nodelay(true);
        (LineStream { inner, line: Line::default() }, addr)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.io().line.clone()
    }
}

impl LineStream {
    fn check(&self) -> io::Result<()> {
        if self.line.cut.load(Ordering::SeqCst) {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut by the practice scenario"));
        }
        Ok(())
    }
}

impl AsyncRead for LineStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for LineStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

fn header(headers: &HeaderMap, name: header::HeaderName) -> String {
    let all: Vec<&str> = headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect();
    all.join(",")
}

async fn answer_api(State(shared): State<Shared>, ConnectInfo(line): ConnectInfo<Line>, request: Request) -> Response {
    match shared.with(|w| w.outage()) {
        Some(Outage::Closed) => return line.cut(),
        Some(Outage::Refusing) => {
            return respond(
                &shared,
                status::unavailable("the server is currently unable to handle the request").into(),
            );
        }
        None => {}
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let ask = Ask {
        method: parts.method.to_string(),
        path: percent_decoded(parts.uri.path(), false),
        query: pairs(parts.uri.query().unwrap_or_default()),
        accept: header(&parts.headers, header::ACCEPT),
        content_type: header(&parts.headers, header::CONTENT_TYPE),
        authorization: header(&parts.headers, header::AUTHORIZATION),
        user_agent: header(&parts.headers, header::USER_AGENT),
        body: body.to_vec(),
    };
    let (answer, lost) = shared.with(|w| {
        let answer = w.answer(&ask);
        let lost = answer.wrote && w.answer_lost();
        (answer, lost)
    });
    if lost {
        return line.cut();
    }
    respond(&shared, answer)
}

/// The scrape port: `/sd`, and each pod as if it were asked itself.
async fn answer_pods(State((shared, addr)): State<(Shared, SocketAddr)>, request: Request) -> Response {
    let path = percent_decoded(request.uri().path(), false);
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let answer = match parts.as_slice() {
        ["sd"] => {
            let host = header(request.headers(), header::HOST);
            let host = if host.is_empty() { addr.to_string() } else { host };
            Some(Answer::json(200, shared.with(|w| w.scrape_targets(&host))))
        }
        ["pods", ns, pod, rest @ ..] => shared.with(|w| w.pod_page(ns, pod, &rest.join("/"))),
        _ => None,
    };
    let gone = || Answer::text(404, "text/plain; charset=utf-8", "no such running pod\n".into());
    respond(&shared, answer.unwrap_or_else(gone))
}

fn respond(shared: &Shared, answer: Answer) -> Response {
    let code = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = match answer.body {
        Body::Json(v) => axum::body::Body::from(v.to_string()),
        Body::Text(t) => axum::body::Body::from(t),
        Body::Watch(w) => axum::body::Body::from_stream(stream(shared.clone(), *w)),
        Body::Silence => axum::body::Body::from_stream(futures::stream::pending::<io::Result<String>>()),
    };
    (code, [(header::CONTENT_TYPE, answer.content_type)], body).into_response()
}

struct Streaming {
    shared: Shared,
    watch: Watch,
    changed: tokio::sync::watch::Receiver<u64>,
    ends: tokio::time::Instant,
    bookmark: tokio::time::Instant,
}

/// The lines of a watch, as they happen; it breaks off when the API server goes away.
fn stream(shared: Shared, watch: Watch) -> impl Stream<Item = io::Result<String>> + Send {
    let now = tokio::time::Instant::now();
    let changed = shared.changed();
    let ends = now + Duration::from_secs(watch.timeout_s);
    let state = Streaming { shared, watch, changed, ends, bookmark: now + BOOKMARK_EVERY };
    futures::stream::unfold(Some(state), |state| async move {
        let mut s = state?;
        if s.watch.over() {
            return None;
        }
        loop {
            s.changed.mark_unchanged();
            let news = s.shared.with(|w| match w.outage() {
                Some(_) => None,
                None => Some(s.watch.news(w)),
            });
            let Some(news) = news else {
                return Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None));
            };
            if !news.is_empty() {
                return Some((Ok(lines(&news)), Some(s)));
            }
            let wake = s.ends.min(s.bookmark);
            // An error would mean the world is gone, and the time-out ends the stream then.
            let _ = tokio::time::timeout_at(wake, s.changed.changed()).await;
            let now = tokio::time::Instant::now();
            if now >= s.ends {
                return None;
            }
            if now >= s.bookmark {
                s.bookmark = now + BOOKMARK_EVERY;
                if s.watch.bookmarks {
                    let mut out = Vec::new();
                    s.shared.with(|w| {
                        out = s.watch.news(w);
                        out.push(s.watch.bookmark(w));
                    });
                    return Some((Ok(lines(&out)), Some(s)));
                }
            }
        }
    })
}

fn lines(events: &[serde_json::Value]) -> String {
    let mut out = String::new();
    for e in events {
        out.push_str(&e.to_string());
        out.push('\n');
    }
    out
}

fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|p| !p.is_empty())
        .map(|p| {
            let (k, v) = p.split_once('=').unwrap_or((p, ""));
            (percent_decoded(k, true), percent_decoded(v, true))
        })
        .collect()
}

/// Decodes `%XX`, and `+` as a space in queries; what is not valid stays as it is.
fn percent_decoded(text: &str, query: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = |b: Option<&u8>| b.and_then(|b| (*b as char).to_digit(16));
        match (bytes[i], hex(bytes.get(i + 1)), hex(bytes.get(i + 2))) {
            (b'%', Some(a), Some(b)) => {
                out.push((a * 16 + b) as u8);
                i += 3;
            }
            (b'+', _, _) if query => {
                out.push(b' ');
                i += 1;
            }
            (b, _, _) => {
                out.push(b);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        assert_eq!(
            pairs("fieldSelector=metadata.name%3Dbilling&watch=true&x=a+b%"),
            [
                ("fieldSelector".to_string(), "metadata.name=billing".to_string()),
                ("watch".into(), "true".into()),
                ("x".into(), "a b%".into()),
            ]
        );
        assert_eq!(percent_decoded("/a+b%2Fc", false), "/a+b/c");
    }
}
