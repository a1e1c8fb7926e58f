//! What a person reads when a connection fails, on real sockets.

use std::time::Duration;

use exporter::{Days, NoProgress};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::source::{Scripted, setup};

const DAY: &str = "2026-11-20";

/// Why nothing can be collected from a source. The kind is not configured, so that it is asked for.
async fn failure(url: &str, more: &[(&str, &str)]) -> String {
    let settings = [more, &[("RETRIES", "20"), ("CONNECTION_TIMEOUT", "5")]].concat();
    let setup = setup(url, &settings).await;
    let days = Days::Given(vec![DAY.parse().unwrap()]);
    let error = setup.exporter.run(None, &days, &NoProgress).await.unwrap_err();
    error.to_string()
}

/// A port that answers whatever comes with some bytes, and closes.
async fn port(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer).await;
        }
    });
    port
}

#[tokio::test]
async fn https_to_a_port_of_http_is_explained() {
    let source = Scripted::kubecost("").await;
    let reason = failure(&source.url.replace("http", "https"), &[("TLS_VERIFY", "no")]).await;
    assert!(
        reason.contains("speaks http there")
            && reason.contains(&format!("set KUBECOST_API_ENDPOINT to {}", source.url)),
        "{reason}"
    );
}

#[tokio::test]
async fn http_to_a_port_of_https_is_explained() {
    // A TLS alert; Go; nginx.
    let answers: [&[u8]; 3] = [
        &[0x15, 3, 1, 0, 2, 2, 70],
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 53\r\n\r\n<center>The plain HTTP request was sent to HTTPS port",
    ];
    for answer in answers {
        let port = port(answer).await;
        let reason = failure(&format!("http://127.0.0.1:{port}"), &[]).await;
        let advice = format!("set KUBECOST_API_ENDPOINT to https://127.0.0.1:{port}");
        assert!(
            reason.contains("speaks https there") && reason.contains(&advice),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn a_name_that_is_unknown_and_a_port_where_nobody_listens_are_explained() {
    // A label of more than 63 characters, which needs no network to be unknown.
    let name = format!("{}.invalid", "n".repeat(64));
    let reason = failure(&format!("http://{name}:9090"), &[("RETRIES", "0")]).await;
    let advice = format!("the name '{name}' is unknown: check KUBECOST_API_ENDPOINT");
    assert!(reason.contains(&advice), "{reason}");
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let reason = failure(&format!("http://127.0.0.1:{port}"), &[("RETRIES", "1")]).await;
    assert!(
        reason.contains("nothing listens there: check the port in KUBECOST_API_ENDPOINT"),
        "{reason}"
    );
}

/// Why a day fails whose response is a body that comes piece by piece, with a pause after each.
async fn dribble(status: u16, piece: &'static str, pause: u64, more: &[(&str, &str)], longest: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 1000000000\r\n\r\n");
                let _ = socket.write_all(head.as_bytes()).await;
                while socket.write_all(piece.as_bytes()).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            });
        }
    });
    let mut settings = vec![("SOURCE_KIND", "kubecost"), ("RETRIES", "2")];
    settings.extend(more);
    let mut setup = setup(&url, &settings).await;
    setup.exporter.source.longest_response = longest;
    let summary = setup.collect(&[DAY]).await;
    assert!(setup.manifests().is_empty() && setup.bucket.open_uploads() == 0);
    summary.failed().next().unwrap().1
}

#[tokio::test]
async fn a_response_that_dribbles_is_given_up() {
    let began = std::time::Instant::now();
    let timeouts = [
        ("KUBECOST_ALLOCATION_API_READ_TIMEOUT", "1"),
        ("KUBECOST_ASSETS_API_READ_TIMEOUT", "1"),
    ];
    let hour = Duration::from_secs(3600);
    let reason = dribble(200, " ", 100, &timeouts, hour).await;
    assert!(
        reason.contains("too slow") && reason.contains("bytes per second"),
        "{reason}"
    );
    // Fast enough, and endless.
    let spaces = " ".repeat(10_000);
    let reason = dribble(200, spaces.leak(), 100, &timeouts, Duration::from_secs(2)).await;
    assert!(reason.contains("its end did not come within 2 s"), "{reason}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_error_page_that_dribbles_is_shown_as_far_as_it_came() {
    let began = std::time::Instant::now();
    let reason = dribble(403, "no! ", 500, &[], Duration::from_secs(3600)).await;
    assert!(reason.contains("403") && reason.contains("no! no!"), "{reason}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
