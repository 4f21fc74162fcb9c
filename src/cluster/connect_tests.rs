use std::io::Write;

use super::*;

/// An X.509 version 1 certificate (`openssl x509 -req -signkey` without extensions) and its key, for no real user.
const V1_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBFzCBvwIUMNKR/cjMhyXLdyha6YJxmwdrM6kwCgYIKoZIzj0EAwIwDjEMMAoG
A1UEAwwDb2xkMCAXDTI2MTEyMjE1MzczN1oYDzIxMjYxMDI5MTUzNzM3WjAOMQww
CgYDVQQDDANvbGQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASou3VlJ8tu3CaL
7UAQa0qkeedzmrvwSEWvzSwTC3tHJEWy1luqQvC2Sb6+LIvHHCJtylmhelhs1fkv
/BdVWVn8MAoGCCqGSM49BAMCA0cAMEQCIFHqH/y2IpnN3tbG4t48rX/gTEB8edSF
ix1UTfyZlsZOAiAhPWjJUFSFjFiSd9VF282QZyF84cDo7ex/wSxgTcDixA==
-----END CERTIFICATE-----
";
const V1_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+65ulqXpZRgcS4Zl
HQuxFtLO4nrMMuI7P5T0NthJUiKhRANCAASou3VlJ8tu3CaL7UAQa0qkeedzmrvw
SEWvzSwTC3tHJEWy1luqQvC2Sb6+LIvHHCJtylmhelhs1fkv/BdVWVn8
-----END PRIVATE KEY-----
";

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("pilothouse-connect-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::File::create(&path).unwrap().write_all(content.as_bytes()).unwrap();
        path
    }

    fn kubeconfig(&self, server: &str, user: &str) -> PathBuf {
        self.file(
            "config",
            &format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: prod-eu1\n\
                 clusters: [{{name: c, cluster: {{server: '{server}', insecure-skip-tls-verify: true}}}}]\n\
                 users: [{{name: ivo, user: {user}}}]\n\
                 contexts:\n- {{name: prod-eu1, context: {{cluster: c, user: ivo}}}}\n\
                 - {{name: staging, context: {{cluster: c, user: ivo}}}}\n"
            ),
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn fails(path: &Path, context: Option<&str>) -> ConnectError {
    install_crypto();
    connect(Some(path), context).await.err().expect("must not connect")
}

#[tokio::test]
async fn what_is_wrong_with_a_kubeconfig_is_said() {
    let folder = Folder::new("files");
    let missing = fails(&folder.0.join("none"), None).await;
    assert!(matches!(missing, ConnectError::NoKubeconfig { .. }), "{missing}");
    let broken = folder.file("broken", "kind: [Config");
    let broken = fails(&broken, None).await;
    assert!(matches!(broken, ConnectError::Unreadable { .. }), "{broken}");
    let bare = folder.file("bare", "apiVersion: v1\nkind: Config\n");
    assert!(matches!(fails(&bare, None).await, ConnectError::NoContext { .. }));
    let good = folder.kubeconfig("https://127.0.0.1:1", "{}");
    let unknown = fails(&good, Some("prod-eu")).await.to_string();
    assert!(unknown.contains("did you mean `prod-eu1`?; it has: prod-eu1, staging"), "{unknown}");
    let far = fails(&good, Some("zzz")).await.to_string();
    assert!(!far.contains("did you mean"), "{far}");
}

#[tokio::test]
async fn a_version_1_certificate_is_named_with_the_way_out() {
    let folder = Folder::new("v1");
    let (cert, key) = (folder.file("cert.pem", V1_CERTIFICATE), folder.file("key.pem", V1_KEY));
    let user = format!("{{client-certificate: '{}', client-key: '{}'}}", cert.display(), key.display());
    let error = fails(&folder.kubeconfig("https://127.0.0.1:1", &user), None).await;
    assert!(matches!(error, ConnectError::OldCertificate { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("cert.pem") && text.contains("version 1") && text.contains("issue it again"), "{text}");
}

#[tokio::test]
async fn a_failing_credential_plugin_is_named() {
    let folder = Folder::new("plugin");
    let user = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Never, \
                args: ['-c', 'echo please log in >&2; exit 3']}}";
    let error = fails(&folder.kubeconfig("https://127.0.0.1:1", user), None).await;
    let ConnectError::Plugin { command, why, .. } = &error else { panic!("{error}") };
    assert_eq!(command, "sh");
    assert!(why.contains("exit status: 3") && why.contains("please log in"), "{why}");
}

/// A server that answers every connection with one HTTP response.
async fn server(response: &'static str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn a_server_that_is_gone_or_another_or_unfriendly_is_told_apart() {
    let folder = Folder::new("server");
    // Bound and closed again: nobody listens there.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone = fails(&folder.kubeconfig(&format!("http://{closed}"), "{token: t}"), None).await;
    assert!(matches!(&gone, ConnectError::Unreachable { why, .. } if why.contains("refused")), "{gone}");
    let reply = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    let stranger = fails(&folder.kubeconfig(&server(reply).await, "{token: t}"), None).await;
    assert!(matches!(stranger, ConnectError::Unauthorized { .. }), "{stranger}");
    let reply = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    let other = fails(&folder.kubeconfig(&server(reply).await, "{token: t}"), None).await;
    assert!(matches!(other, ConnectError::NoApiServer { .. }), "{other}");
    let reply = "HTTP/1.1 200 OK\r\ncontent-length: 24\r\nconnection: close\r\n\r\n{\"gitVersion\":\"v1.36.2\"}";
    let good = folder.kubeconfig(&server(reply).await, "{token: t}");
    assert!(connect(Some(&good), Some("staging")).await.is_ok());
}

#[test]
fn files_of_kubeconfig_that_do_not_exist_are_passed_over() {
    let folder = Folder::new("list");
    let real = folder.kubeconfig("https://127.0.0.1:1", "{}");
    let list = |paths: &[&Path]| Some(std::env::join_paths(paths).unwrap());
    let missing = folder.0.join("missing");
    let read = read_named(list(&[&missing, &real])).unwrap();
    assert_eq!(read.contexts.len(), 2);
    let none = read_named(list(&[&missing])).unwrap_err();
    assert!(is_missing(&none), "{none}");
}

/// A proxy that opens one tunnel, notes where to, and answers at its end as an API server.
async fn tunnel() -> (String, tokio::task::JoinHandle<String>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).await.unwrap();
        let asked = String::from_utf8_lossy(&buffer[..n]).lines().next().unwrap_or_default().to_string();
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        let _ = stream.read(&mut buffer).await.unwrap();
        let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 24\r\nconnection: close\r\n\r\n{\"gitVersion\":\"v1.36.2\"}";
        stream.write_all(reply).await.unwrap();
        asked
    });
    (address, asked)
}

#[tokio::test]
async fn a_proxy_of_the_kubeconfig_is_gone_through() {
    install_crypto();
    let folder = Folder::new("proxy");
    let (proxy, asked) = tunnel().await;
    let path = folder.kubeconfig("http://k8s.invalid:6443", "{token: t}");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("server: ", &format!("proxy-url: '{proxy}', server: "));
    std::fs::write(&path, &text).unwrap();
    assert!(connect(Some(&path), Some("staging")).await.is_ok(), "{text}");
    assert_eq!(asked.await.unwrap(), "CONNECT k8s.invalid:6443 HTTP/1.1");
    let odd = text.replace(&proxy, "ftp://proxy.corp");
    std::fs::write(&path, odd).unwrap();
    let error = fails(&path, None).await;
    assert!(
        matches!(&error, ConnectError::Proxy { why, .. } if why.contains("ftp://proxy.corp is a proxy by ftp")),
        "{error}"
    );
}
