//! Calls that AWS accepts and never answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use bytes::Bytes;
use store::{Store, session};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// Longer than an attempt may take.
const SLOW_BODY: Duration = Duration::from_secs(24);

type Seen = Arc<Mutex<HashMap<String, usize>>>;

/// S3, STS and Glue on one port, which accept the first request of each kind and never answer it.
async fn silent_at_first() -> (SdkConfig, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let counts = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(socket, Arc::clone(&counts)));
        }
    });
    let credentials = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
    let config = session::from_environment().await;
    let config = config.to_builder().endpoint_url(url).region(Region::new("us-east-1"));
    let config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
    (config.build(), seen)
}

async fn serve(mut socket: TcpStream, seen: Seen) {
    let mut request = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let length = socket.read(&mut piece).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        request.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let announced = head
            .lines()
            .filter_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse::<usize>()
                    .ok()
            })
            .next();
        if body.len() < announced.unwrap_or(0) {
            continue;
        }
        let kind = match head.split(['?', ' ']).take(2).collect::<Vec<_>>()[..] {
            ["POST", _] if body.contains("AssumeRole") => "AssumeRole".to_owned(),
            ["POST", _] => "Glue".to_owned(),
            [method, path] => format!("{method} {path}"),
            _ => panic!("{head}"),
        };
        let first = {
            let mut seen = seen.lock().unwrap();
            let count = seen.entry(kind.clone()).or_default();
            *count += 1;
            *count == 1
        };
        if first {
            std::future::pending::<()>().await;
        }
        let body = match kind.as_str() {
            "AssumeRole" => ASSUMED,
            "Glue" => r#"{"Database":{"Name":"costs"}}"#,
            "GET /lake/slow" => "0123456789ab",
            "GET /lake/" => "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
            _ => "",
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let pieces = if kind == "GET /lake/slow" { 12 } else { 1 };
        for piece in body.as_bytes().chunks(body.len().div_ceil(pieces).max(1)) {
            if pieces > 1 {
                sleep(SLOW_BODY / 12).await;
            }
            socket.write_all(piece).await.unwrap();
        }
        return;
    }
}

const ASSUMED: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
    <AccessKeyId>ASIAPARENT</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
    <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

#[tokio::test]
async fn a_call_that_is_accepted_and_never_answered_is_made_again() {
    let (config, seen) = silent_at_first().await;
    let store = Store::new(session::s3_client(&config), "lake");
    let glue = aws_sdk_glue::Client::new(&config);
    let chained = session::assume_role(&config, "arn:aws:iam::111122223333:role/lake", "test").await;
    let chained = Store::new(session::s3_client(&chained), "lake");
    let began = Instant::now();
    let (put, got, listed, database, put_with_role) = tokio::join!(
        store.put_json("written", b"{}".to_vec()),
        // The body takes longer than an attempt: it is not cut.
        store.get_bytes("slow", 1000),
        store.list("x").objects(),
        glue.get_database().name("costs").send(),
        chained.put_json("with-role", b"{}".to_vec()),
    );
    put.unwrap();
    assert_eq!(got.unwrap(), Some(Bytes::from_static(b"0123456789ab")));
    assert!(listed.unwrap().is_empty());
    assert_eq!(database.unwrap().database.unwrap().name, "costs");
    put_with_role.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.len() == 6 && seen.values().all(|count| *count == 2), "{seen:?}");
    assert!(began.elapsed() < Duration::from_secs(75), "{:?}", began.elapsed());
}
