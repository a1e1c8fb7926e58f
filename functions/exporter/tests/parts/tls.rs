//! A source behind TLS whose certificate a private CA signed.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
};

use exporter::{
    Days, NoProgress, RunError, RunSummary,
    certificate::{self, CertificateError},
    settings::CaCertificate,
};
use rustls::{ServerConnection, StreamOwned};

use super::source::{containers, setup};
use crate::certificates::{self, file};

const DAY: &str = "2026-11-20";

/// A Kubecost for 127.0.0.1 with a certificate, one connection after the other.
fn kubecost(certificate: &str) -> String {
    let config = certificates::server(certificate);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, socket.unwrap());
            let mut request = [0; 4096];
            // A client that does not trust the certificate goes away here.
            let Ok(length) = stream.read(&mut request) else {
                continue;
            };
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let body = if request.starts_with("GET /model/allocation") {
                containers(DAY, &["a".to_owned()])
            } else {
                r#"{"code":200,"data":[{}]}"#.to_owned()
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + &body).as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    url
}

async fn collect(more: &[(&str, &str)]) -> Result<RunSummary, RunError> {
    collect_from("server.pem", more).await
}

async fn collect_from(certificate: &str, more: &[(&str, &str)]) -> Result<RunSummary, RunError> {
    let settings = [more, &[("SOURCE_KIND", "kubecost"), ("RETRIES", "0")]].concat();
    let setup = setup(&kubecost(certificate), &settings).await;
    let ca = &setup.exporter.source.ca_certificate;
    let private_ca = certificate::load(ca, async || panic!("no AWS access is needed"))
        .await
        .unwrap();
    let days = Days::Given(vec![DAY.parse().unwrap()]);
    setup.exporter.run(private_ca.as_deref(), &days, &NoProgress).await
}

#[tokio::test]
async fn a_private_ca_is_trusted_where_it_is_named() {
    let ca = file("ca.pem");
    let summary = collect(&[("CA_CERTIFICATE_FILE", ca.to_str().unwrap())]).await;
    let summary = summary.unwrap();
    assert!(summary.is_success(), "{summary}");
}

#[tokio::test]
async fn an_unknown_certificate_is_refused_unless_nothing_is_verified() {
    // The server's own certificate is no CA's.
    let other = file("server.pem");
    let other = ("CA_CERTIFICATE_FILE", other.to_str().unwrap());
    let summary = collect(&[other]).await.unwrap();
    let (_, reason) = summary.failed().next().unwrap();
    assert!(reason.contains("CA_CERTIFICATE_FILE"), "{reason}");
    let summary = collect(&[other, ("TLS_VERIFY", "no")]).await.unwrap();
    assert!(summary.is_success(), "{summary}");
}

#[tokio::test]
async fn a_file_without_certificate_is_named() {
    let key = file("server.key");
    let error = collect(&[("CA_CERTIFICATE_FILE", key.to_str().unwrap())]).await;
    let message = error.unwrap_err().to_string();
    assert!(message.contains("no PEM certificate"), "{message}");
    let missing = CaCertificate::File(file("nowhere.pem"));
    let error = certificate::load(&missing, async || panic!("no AWS access is needed")).await;
    let error = error.unwrap_err();
    assert!(matches!(error, CertificateError::File { .. }));
    let message = error.to_string();
    assert!(
        message.contains("CA_CERTIFICATE_FILE") && message.contains("nowhere.pem"),
        "{message}"
    );
}

#[tokio::test]
async fn a_certificate_that_is_ca_and_server_in_one_is_trusted_where_it_is_named() {
    let both = file("both.pem");
    let summary = collect_from("both.pem", &[("CA_CERTIFICATE_FILE", both.to_str().unwrap())]).await;
    assert!(summary.as_ref().unwrap().is_success(), "{summary:?}");
    // Nobody named it.
    for settings in [&[("CA_CERTIFICATE_FILE", file("ca.pem").to_str().unwrap())][..], &[]] {
        let summary = collect_from("both.pem", settings).await.unwrap();
        let (_, reason) = summary.failed().next().unwrap();
        assert!(reason.contains("CA_CERTIFICATE_FILE"), "{reason}");
    }
}

#[tokio::test]
async fn each_fault_of_a_certificate_is_explained_and_not_retried() {
    let ca = file("ca.pem");
    let named = ("CA_CERTIFICATE_FILE", ca.to_str().unwrap());
    for (certificate, settings, words) in [
        ("expired.pem", &[named][..], "certificate has expired: renew it"),
        (
            "elsewhere.pem",
            &[named],
            "is for another name than '127.0.0.1': use a name of the certificate in KUBECOST_API_ENDPOINT",
        ),
        (
            "server.pem",
            &[],
            "an unknown CA signed the source's certificate: for a private CA set CA_CERTIFICATE_FILE",
        ),
    ] {
        // Retries would take days.
        let settings = [settings, &[("RETRIES", "20")]].concat();
        let summary = collect_from(certificate, &settings).await.unwrap();
        let (_, reason) = summary.failed().next().unwrap();
        assert!(reason.contains(words), "'{words}' is not in: {reason}");
    }
}
