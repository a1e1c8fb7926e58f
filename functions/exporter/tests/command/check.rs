//! `exporter check`, with a source, S3 and STS on one port.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

use axum::{Router, body, extract::Request, http::StatusCode};
use chrono::{DateTime, Days, NaiveDate, Utc};

use super::{BUCKET, CLUSTER, exporter, said};

const PARENT: &str = "arn:aws:iam::444455556666:role/lake-cluster-one";

/// What differs from a place where all works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The source has no data.
    NoData,
    /// The source aggregates two clusters.
    TwoClusters,
    /// The source returns no idle costs.
    NoIdle,
    /// The pod's role is in an account that no setting names.
    Account,
    /// Writing is denied.
    Write,
    /// The object of an earlier check is there.
    Again,
}

/// Serves until the process ends; the requests that come.
fn serve(fault: Fault) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let requests = Arc::clone(&seen);
    let router = Router::new().fallback(async move |request: Request| {
        let (head, body) = request.into_parts();
        let body = body::to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8_lossy(&body);
        let text = format!("{} {}\n{:?}\n{body}", head.method, head.uri, head.headers);
        let (status, answer) = answer(&text, fault);
        requests.lock().unwrap().push(text);
        (StatusCode::from_u16(status).unwrap(), answer)
    });
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    (url, seen)
}

fn answer(request: &str, fault: Fault) -> (u16, String) {
    let (method, rest) = request.split_once(' ').unwrap();
    let target = rest.lines().next().unwrap();
    let path = target.split('?').next().unwrap();
    match (method, path) {
        (_, "/model/allocation") if !target.contains("window=") => {
            (400, "Missing required query parameter: 'window'".to_owned())
        }
        (_, "/model/allocation") => (200, days(target, fault)),
        (_, "/model/assets") => (200, r#"{"code":200,"data":[{"node":{"type":"Node"}}]}"#.to_owned()),
        (_, "/model/installInfo") => (200, r#"{"data":{"version":"2.8.1"}}"#.to_owned()),
        (_, "/model/getConfigs") => (200, r#"{"data":{"currencyCode":"EUR"}}"#.to_owned()),
        ("POST", "/") if request.contains("GetCallerIdentity") => {
            let account = match fault {
                Fault::Account => "999988887777",
                _ if request.contains("Credential=ASIAPARENT") => "444455556666",
                _ => "111122223333",
            };
            (200, identity(account))
        }
        ("POST", "/") => (200, super::assumed_role()),
        ("PUT", _) if fault == Fault::Write => (
            403,
            "<Error><Code>AccessDenied</Code><Message>No.</Message></Error>".to_owned(),
        ),
        ("PUT", _) if fault == Fault::Again => (
            412,
            "<Error><Code>PreconditionFailed</Code><Message>No.</Message></Error>".to_owned(),
        ),
        ("PUT", _) => (200, String::new()),
        _ => (403, String::new()),
    }
}

fn identity(account: &str) -> String {
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:sts::{account}:assumed-role/some/exporter</Arn><UserId>A:exporter</UserId><Account>{account}</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
}

/// A row of each cluster for each day of the window, aggregated by cluster, and an idle row.
fn days(target: &str, fault: Fault) -> String {
    let window = target.split("window=").nth(1).unwrap().split('&').next().unwrap();
    let window = window.replace("%3A", ":").replace("%2C", ",");
    let date = |text: &str| text.parse::<DateTime<Utc>>().unwrap().date_naive();
    let (start, end) = window.split_once(',').unwrap();
    let sets: Vec<String> = std::iter::successors(Some(date(start)), |day| day.checked_add_days(Days::new(1)))
        .take_while(|day| *day < date(end))
        .map(|day| {
            if fault == Fault::NoData {
                "{}".to_owned()
            } else {
                set(day, fault)
            }
        })
        .collect();
    format!(r#"{{"code":200,"data":[{}]}}"#, sets.join(","))
}

fn set(day: NaiveDate, fault: Fault) -> String {
    let next = day.checked_add_days(Days::new(1)).unwrap();
    let row = |name: &str, cluster: &str| {
        format!(
            r#""{name}":{{"name":"{name}","properties":{{"cluster":"{cluster}"}},"window":{{"start":"{day}T00:00:00Z","end":"{next}T00:00:00Z"}},"minutes":1440,"totalCost":1}}"#
        )
    };
    let mut rows = vec![row("one", "one")];
    if fault == Fault::TwoClusters {
        rows.push(row("two", "two"));
    }
    if fault != Fault::NoIdle {
        rows.push(row("one/__idle__", "one"));
    }
    format!("{{{}}}", rows.join(","))
}

struct Checked {
    status: Option<i32>,
    lines: Vec<String>,
    requests: Vec<String>,
}

impl Checked {
    /// The line of a part.
    fn line(&self, part: &str) -> &str {
        let found = self
            .lines
            .iter()
            .find(|line| line[8..].starts_with(&format!("{part}: ")));
        found.unwrap_or_else(|| panic!("no {part}: {:#?}", self.lines))
    }

    fn failed(&self) -> Vec<&str> {
        let lines = self.lines.iter().filter(|line| line.starts_with("failed"));
        lines.map(|line| line[8..].split(':').next().unwrap()).collect()
    }
}

fn check(fault: Fault, more: &[(&str, &str)]) -> Checked {
    let (url, seen) = serve(fault);
    let mut environment = vec![
        BUCKET,
        CLUSTER,
        ("KUBECOST_API_ENDPOINT", url.as_str()),
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("IRSA_PARENT_IAM_ROLE_ARN", PARENT),
        ("AWS_ACCESS_KEY_ID", "AKIACHILD"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret-child"),
        ("AWS_REGION", "us-east-1"),
        ("RETRIES", "0"),
    ];
    environment.extend(more);
    let output = exporter(&["check"], &environment);
    assert!(!said(&output).contains("s3cret"), "{}", said(&output));
    let requests = seen.lock().unwrap().clone();
    Checked {
        status: output.status.code(),
        lines: said(&output).lines().map(str::to_owned).collect(),
        requests,
    }
}

#[test]
fn each_part_is_checked_and_the_status_is_0_where_all_works() {
    let checked = check(Fault::None, &[]);
    assert_eq!(
        (checked.status, checked.failed()),
        (Some(0), vec![]),
        "{:#?}",
        checked.lines
    );
    for (part, expected) in [
        ("settings", "all are valid"),
        (
            "identity",
            "arn:aws:sts::111122223333:assumed-role/some/exporter in the cluster's account",
        ),
        ("parent role", "arn:aws:sts::444455556666:assumed-role/some/exporter"),
        (
            "write",
            "s3://finops-lake/staging/111122223333/us-east-1/cluster-one/check.json",
        ),
        ("plan", "S3 returns 403 for both"),
        ("dns", "the address has no name to resolve"),
        ("source", "Kubecost version 2.8.1 at http://127.0.0.1"),
        ("currency", "EUR"),
        ("days", "15 of 15 days that were queried"),
        ("clusters", "one"),
        ("idle", "15 rows"),
        ("assets", "1 asset for"),
    ] {
        assert!(checked.line(part).contains(expected), "{:#?}", checked.lines);
    }
    let written: Vec<&String> = checked
        .requests
        .iter()
        .filter(|request| request.starts_with("PUT "))
        .collect();
    assert!(
        written.len() == 1 && written[0].contains("Credential=ASIAPARENT") && written[0].contains("if-none-match"),
        "{written:?}"
    );
}

#[test]
fn what_fails_is_named_with_what_to_do_and_the_status_is_1() {
    for (fault, part, expected) in [
        (
            Fault::NoData,
            "days",
            "check that it collects metrics, and SOURCE_FILTER, which is not set",
        ),
        (Fault::TwoClusters, "clusters", "one, two: set SOURCE_FILTER"),
        (
            Fault::Account,
            "identity",
            "correct CLUSTER_ID, or the role of the service account",
        ),
        (
            Fault::Write,
            "write",
            "check the role's policy, the bucket policy and the KMS key's policy",
        ),
    ] {
        let checked = check(fault, &[]);
        assert_eq!(checked.status, Some(1), "{fault:?}: {:#?}", checked.lines);
        assert!(checked.failed().contains(&part), "{fault:?}: {:#?}", checked.lines);
        assert!(checked.line(part).contains(expected), "{fault:?}: {:#?}", checked.lines);
    }
}

#[test]
fn missing_idle_rows_are_not_known_to_be_missing_from_days() {
    let checked = check(Fault::NoIdle, &[]);
    assert_eq!(checked.status, Some(0), "{:#?}", checked.lines);
    let idle = checked.line("idle");
    assert!(
        idle.starts_with("unknown") && idle.contains("set SOURCE_IDLE to no"),
        "{idle}"
    );
}

#[test]
fn a_second_check_finds_the_object_of_the_first_one() {
    let checked = check(Fault::Again, &[]);
    assert_eq!(checked.status, Some(0), "{:#?}", checked.lines);
    assert!(
        checked.line("write").contains("from an earlier check"),
        "{:#?}",
        checked.lines
    );
}

#[test]
fn settings_of_the_source_that_contradict_it_fail() {
    for (settings, part, expected) in [
        (
            ("SOURCE_CURRENCY", "USD"),
            "currency",
            "in EUR, but SOURCE_CURRENCY is USD",
        ),
        (("SOURCE_KIND", "opencost"), "source", "SOURCE_KIND says OpenCost"),
        (("SOURCE_CLUSTER_IDS", "other"), "clusters", "only other is accepted"),
        (("KUBECOST_API_ENDPOINT", "http://127.0.0.1:9"), "source", "127.0.0.1:9"),
        (
            ("KUBECOST_API_ENDPOINT", "http://no-such-host.invalid:9"),
            "dns",
            "check the name of the service",
        ),
        (("KUBECOST_API_ENDPOINT", "https://127.0.0.1:9"), "tls", "127.0.0.1:9"),
    ] {
        let checked = check(Fault::None, &[settings]);
        assert_eq!(checked.status, Some(1), "{settings:?}: {:#?}", checked.lines);
        assert!(checked.failed().contains(&part), "{settings:?}: {:#?}", checked.lines);
        assert!(
            checked.line(part).contains(expected),
            "{settings:?}: {:#?}",
            checked.lines
        );
    }
}

#[test]
fn faults_of_settings_are_a_line_each_and_the_status_is_2() {
    let output = exporter(&["check", "--aggregation", "cointainer"], &[BUCKET]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("failed  settings: AGGREGATION: 'cointainer'")
            && said.contains("failed  settings: CLUSTER_ID: is required"),
        "{said}"
    );
}
