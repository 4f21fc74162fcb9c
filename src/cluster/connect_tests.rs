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
