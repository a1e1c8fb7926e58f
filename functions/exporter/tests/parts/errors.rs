//! What a source can answer that is no day of costs.

use axum::response::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::source::{Scripted, bad_window, broken_off, containers, not_found, setup, text};

const BAD: &str = "2026-11-19";
const GOOD: &str = "2026-11-20";

/// A source with one good day and one bad answer; gives what the bad day's failure says, and how often it was asked
/// for.
async fn failure(answer: impl Fn() -> Response + Send + Sync + 'static) -> (String, usize) {
    let source = Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
        ("/model/allocation", "") => bad_window(),
        ("/model/allocation", BAD) => answer(),
        ("/model/allocation", day) => text(200, containers(day, &["a".to_owned()])),
        ("/model/assets", _) => text(200, r#"{"code":200,"data":[{}]}"#),
        _ => not_found(),
    })
    .await;
    let setup = setup(&source.url, &[("RETRIES", "2")]).await;
    let summary = setup.collect(&[BAD, GOOD]).await;
    assert!(!summary.is_success());
    let good: Vec<String> = summary.collected().map(|(day, _)| day.to_string()).collect();
    assert_eq!(good, [GOOD], "one day's failure keeps no other from being collected");
    let manifests = setup.manifests();
    assert!(manifests.len() == 1 && manifests[0].date.to_string() == GOOD);
    assert_eq!(setup.bucket.open_uploads(), 0);
    let line = summary.to_string();
    assert!(
        line.contains("1 day collected") && line.contains("1 failed") && line.contains(BAD),
        "{line}"
    );
    let asked = source
        .asked_for_days()
        .iter()
        .filter(|asked| asked.day() == BAD)
        .count();
    let (_, reason) = summary.failed().next().unwrap();
    (reason, asked)
}

/// The response, words of the error, and the number of requests: a transient error is retried twice.
type Case<'a> = (Box<dyn Fn() -> Response + Send + Sync>, &'a [&'a str], usize);

#[tokio::test]
async fn each_error_says_what_it_was_and_how_the_response_began() {
    let html = "<!DOCTYPE html><html><title>Sign in</title></html>";
    let whole = containers(BAD, &["a".to_owned()]);
    let half = whole[..whole.len() - 30].to_owned();
    let broken = half.clone();
    let cases: Vec<Case> = vec![
        (
            Box::new(|| text(200, r#"{"code":500,"data":null,"message":"prometheus is away"}"#)),
            &["500", "prometheus is away"],
            3,
        ),
        (
            Box::new(|| text(200, r#"{"code":400,"data":null,"message":"bad"}"#)),
            &["400", "bad"],
            1,
        ),
        (Box::new(|| text(200, r#"{"code":200,"data":null}"#)), &["null"], 3),
        (
            Box::new(|| text(400, "Invalid 'window' parameter: x\n")),
            &["400", "Invalid 'window'"],
            1,
        ),
        (
            Box::new(|| text(400, "Invalid window\n{\"code\":400,\"message\":\"x\"}")),
            &["400", "Invalid window"],
            1,
        ),
        (
            Box::new(|| text(500, r#"{"code":500,"message":"out of memory"}"#)),
            &["500", "out of memory"],
            3,
        ),
        (Box::new(|| text(500, "boom")), &["500", "boom"], 3),
        (Box::new(|| text(504, "upstream timed out")), &["504", "PAGE_SIZE"], 3),
        (
            Box::new(|| text(401, "who are you")),
            &["401", "SOURCE_AUTHENTICATION"],
            1,
        ),
        (Box::new(move || text(200, html)), &["<!DOCTYPE html>"], 1),
        (Box::new(|| text(200, "nonsense")), &["nonsense"], 1),
        (Box::new(|| text(200, "")), &["empty"], 3),
        (Box::new(move || text(200, half.clone())), &["cut short"], 3),
        (Box::new(move || broken_off(&broken)), &["model/allocation"], 3),
        (
            Box::new(|| {
                let mut answer = text(302, "");
                let login = "http://127.0.0.1:1/login?state=s3cret";
                answer.headers_mut().insert("location", login.parse().unwrap());
                answer
            }),
            &["302", "http://127.0.0.1:1/login", "SOURCE_AUTHENTICATION"],
            1,
        ),
        (
            Box::new(move || text(200, format!("{}{}", containers(BAD, &[]), whole))),
            &["data"],
            1,
        ),
    ];
    for (answer, says, times) in cases {
        let (reason, asked) = failure(answer).await;
        for words in says {
            assert!(reason.contains(words), "'{words}' is not in: {reason}");
        }
        // A day that failed by a transient error is tried once more at the end of the run.
        let times = if times > 1 { 2 * times } else { times };
        assert_eq!(asked, times, "{reason}");
        assert!(!reason.contains("s3cret"), "{reason}");
    }
}

#[tokio::test]
async fn a_transient_error_is_retried() {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let source = Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
        ("/model/allocation", "") => bad_window(),
        ("/model/allocation", day) => match tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => text(503, "warming up"),
            1 => broken_off(&containers(day, &["a".to_owned()])[..200]),
            _ => text(200, containers(day, &["a".to_owned()])),
        },
        _ => text(200, r#"{"code":200,"data":[{}]}"#),
    })
    .await;
    let setup = setup(&source.url, &[]).await;
    assert!(setup.collect(&[GOOD]).await.is_success());
    assert_eq!(setup.manifests()[0].rows, 1);
}

#[tokio::test]
async fn a_source_that_is_neither_is_named_with_what_it_said() {
    let source = Scripted::serve(|_| text(200, "<html>welcome to nginx</html>")).await;
    let setup = setup(&source.url, &[("RETRIES", "0")]).await;
    let days = exporter::Days::Given(vec![GOOD.parse().unwrap()]);
    let error = setup
        .exporter
        .run(None, &days, &exporter::NoProgress)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("KUBECOST_API_ENDPOINT") && error.contains("welcome to nginx"),
        "{error}"
    );
}

#[tokio::test]
async fn secrets_are_sent_and_never_said() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (how, secret, header, value) in [
        ("bearer", "s3cret-token", "authorization", "Bearer s3cret-token"),
        ("basic", "user:s3cret", "authorization", "Basic dXNlcjpzM2NyZXQ="),
        ("x-api-key", "s3cret-key", "x-api-key", "s3cret-key"),
    ] {
        std::fs::write(file.path(), format!("{secret}\n")).unwrap();
        let source = Scripted::serve(move |asked| match asked.headers.get(header) {
            Some(found) if found == value && asked.day().is_empty() => bad_window(),
            Some(found) if found == value => text(500, format!("not allowed: {value} ({secret})")),
            _ => text(401, "who are you"),
        })
        .await;
        let path = file.path().to_str().unwrap();
        let more = [
            ("SOURCE_AUTHENTICATION", how),
            ("SOURCE_AUTHENTICATION_FILE", path),
            ("RETRIES", "0"),
        ];
        let summary = setup(&source.url, &more).await.collect(&[GOOD]).await;
        let (_, reason) = summary.failed().next().unwrap();
        assert!(
            reason.contains("500") && !reason.contains("s3cret") && !reason.contains("dXNlc") && reason.contains("***"),
            "{reason}"
        );
    }
}

/// Why a day fails at a source that answers each request with some bytes, and then closes the connection or falls
/// silent.
async fn failure_of(bytes: String, closes: bool) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(socket.read(&mut request).await.unwrap() > 0);
            socket.write_all(bytes.as_bytes()).await.unwrap();
            if !closes {
                open.push(socket);
            }
        }
    });
    let more = [
        // The only query before the assets is that for the day: it is not queried for its currency.
        ("SOURCE_KIND", "opencost"),
        ("KUBECOST_ALLOCATION_API_READ_TIMEOUT", "0.2"),
        ("RETRIES", "1"),
    ];
    let setup = setup(&url, &more).await;
    let summary = setup.collect(&[GOOD]).await;
    assert!(setup.manifests().is_empty() && setup.bucket.open_uploads() == 0);
    summary.failed().next().unwrap().1
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_cut_short() {
    // Nothing in the body itself says so: it is a response without rows.
    let body = r#"{"code":200,"data":[]}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
    let reason = failure_of(format!("{head}{body}"), true).await;
    assert!(
        reason.contains("broke before the end of the response") && reason.contains(body),
        "{reason}"
    );
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let reason = failure_of(format!("{head}{:x}\r\n{body}\r\n", body.len()), true).await;
    assert!(
        reason.contains("broke before the end of the response") && reason.contains(body),
        "{reason}"
    );
}

#[tokio::test]
async fn a_source_that_falls_silent_is_left_with_the_setting_that_says_when() {
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n{\"code\":";
    for bytes in ["", begun] {
        let reason = failure_of(bytes.to_owned(), false).await;
        assert!(reason.contains("KUBECOST_ALLOCATION_API_READ_TIMEOUT"), "{reason}");
    }
}

#[tokio::test]
async fn redirections_are_followed_within_the_source_and_secrets_stay_there() {
    let stranger = Scripted::kubecost(containers(GOOD, &["a".to_owned()])).await;
    for leaves in [false, true] {
        let target = if leaves {
            format!("{}/model/allocation?window={GOOD}", stranger.url)
        } else {
            format!("/elsewhere?window={GOOD}")
        };
        let source = Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
            ("/model/allocation", "") => bad_window(),
            ("/model/allocation", _) => {
                let mut answer = text(307, "");
                answer.headers_mut().insert("location", target.parse().unwrap());
                answer
            }
            ("/elsewhere", day) => text(200, containers(day, &["a".to_owned()])),
            _ => text(200, r#"{"code":200,"data":[{}]}"#),
        })
        .await;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret").unwrap();
        let more = [
            ("SOURCE_AUTHENTICATION", "x-api-key"),
            ("SOURCE_AUTHENTICATION_FILE", file.path().to_str().unwrap()),
        ];
        let summary = setup(&source.url, &more).await.collect(&[GOOD]).await;
        assert_eq!(summary.is_success(), !leaves, "{summary}");
        if !leaves {
            assert_eq!(source.asked("/elsewhere")[0].headers["x-api-key"], "s3cret");
        }
    }
    assert!(stranger.asked("/model/allocation").is_empty());
}

#[tokio::test]
async fn a_source_that_says_when_to_retry_is_left_alone_until_then() {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let source = Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
        ("/model/allocation", "") => bad_window(),
        ("/model/allocation", day) => {
            let mut answer = text(503, "busy");
            let wait = match tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => "1",
                1 => {
                    let headers = answer.headers_mut();
                    headers.insert("date", "Fri, 20 Nov 2026 10:00:00 GMT".parse().unwrap());
                    "Fri, 20 Nov 2026 10:00:01 GMT"
                }
                _ => return text(200, containers(day, &["a".to_owned()])),
            };
            answer.headers_mut().insert("retry-after", wait.parse().unwrap());
            answer
        }
        _ => text(200, r#"{"code":200,"data":[{}]}"#),
    })
    .await;
    let setup = setup(&source.url, &[]).await;
    let began = std::time::Instant::now();
    assert!(setup.collect(&[GOOD]).await.is_success());
    assert!(
        began.elapsed() >= std::time::Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_response_that_is_compressed_although_not_asked_for_is_stored_as_json() {
    let json = containers(GOOD, &["a".to_owned(), "b".to_owned()]);
    let gzip = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(json.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = zstd::encode_all(json.as_bytes(), 3).unwrap();
    let cut = gzip[..gzip.len() - 20].to_vec();
    let cases: [(&str, Vec<u8>, Option<&str>); 6] = [
        ("gzip", gzip.clone(), None),
        ("zstd", zstd.clone(), None),
        ("", gzip, None),
        ("", zstd, None),
        ("gzip", cut, Some("compressed response")),
        ("br", json.clone().into_bytes(), Some("compressed with 'br'")),
    ];
    for (encoding, body, fault) in cases {
        let source = Scripted::serve(move |asked| match (asked.path.as_str(), asked.day()) {
            ("/model/allocation", "") => bad_window(),
            ("/model/allocation", _) => {
                let mut answer = Response::new(body.clone().into());
                if !encoding.is_empty() {
                    answer
                        .headers_mut()
                        .insert("content-encoding", encoding.parse().unwrap());
                }
                answer
            }
            _ => text(200, r#"{"code":200,"data":[{}]}"#),
        })
        .await;
        let setup = setup(&source.url, &[("RETRIES", "0")]).await;
        let summary = setup.collect(&[GOOD]).await;
        match fault {
            Some(fault) => {
                let (_, reason) = summary.failed().next().unwrap();
                assert!(reason.contains(fault) && setup.manifests().is_empty(), "{reason}");
            }
            None => {
                let manifest = setup.manifests().remove(0);
                assert_eq!((manifest.rows, manifest.parts[0].raw_bytes), (2, json.len() as u64));
                let stored = setup.bucket.get(&manifest.parts[0].key).unwrap().content;
                assert_eq!(zstd::decode_all(&stored[..]).unwrap(), json.as_bytes());
            }
        }
        assert!(source.asked_for_days()[0].headers.get("accept-encoding").is_none());
    }
}

#[tokio::test]
async fn the_cause_deep_in_an_error_is_shown_once_and_a_failure_of_idle_names_the_setting() {
    let cause = "connection refused by prometheus";
    let body = format!(r#"{{"code":500,"message":"{}{cause}"}}"#, "error querying: ".repeat(60));
    let (reason, _) = failure(move || text(500, body.clone())).await;
    assert!(reason.matches(cause).count() == 1, "{reason}");
    assert!(!reason.contains("window") && !reason.contains("%2C"), "{reason}");
    let (reason, _) = failure(|| text(500, r#"{"code":500,"message":"error computing idle coefficients"}"#)).await;
    assert!(reason.contains("SOURCE_IDLE=no"), "{reason}");
    let (reason, _) = failure(|| text(200, r#"{"code":500,"data":null,"message":"error computing idle"}"#)).await;
    assert!(reason.contains("SOURCE_IDLE=no"), "{reason}");
}

#[tokio::test]
async fn a_response_of_another_api_is_named() {
    let node = r#"{"a/Node/i-1/n1":{"type":"Node","properties":{"name":"n1","providerID":"i-1"},"minutes":1440,"totalCost":1}}"#;
    for (body, api) in [
        (
            recordings::read("shapes/refused_aggregated_cost_model.json"),
            "aggregatedCostModel",
        ),
        (recordings::read("shapes/refused_cloud_cost.json"), "cloudCost"),
        (recordings::read("shapes/refused_carbon.json"), "carbon"),
        (format!(r#"{{"code":200,"data":[{node}]}}"#), "assets API"),
        (format!(r#"{{"code":200,"data":{node}}}"#), "assets API"),
        (
            r#"{"code":200,"data":{"step":86400000000000,"sets":[{"allocations":{"a":{"name":"a","cpuCost":1}}}]}}"#
                .to_owned(),
            "/allocation/summary",
        ),
        (r#"[{"name":"a","totalCost":1}]"#.to_owned(), "bare list"),
    ] {
        let (reason, asked) = failure(move || text(200, body.clone())).await;
        assert!(
            reason.contains(api) && reason.contains("KUBECOST_API_ENDPOINT"),
            "'{api}' is not in: {reason}"
        );
        assert!(!reason.contains("AGGREGATION") && asked == 1, "{asked} {reason}");
    }
}
