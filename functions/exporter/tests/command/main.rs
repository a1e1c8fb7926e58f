//! The program itself, as the CronJob starts it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../support/certificates.rs"]
mod certificates;
mod check;
mod proxy;

use std::{
    fs::File,
    net::TcpListener,
    process::{Command, Output},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{Router, body, extract::Request, http::StatusCode};
use settings::rows;

fn exporter(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_exporter"))
        .env_clear()
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

const BUCKET: (&str, &str) = ("S3_BUCKET_NAME", "finops-lake");
const CLUSTER: (&str, &str) = ("CLUSTER_ID", "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one");

#[test]
fn the_help_names_each_setting() {
    let help = said(&exporter(&["--help"], &[]));
    for setting in rows::all(rows::EXPORTER.1) {
        assert!(
            help.contains(&format!("--{}", setting.flag)) && help.contains(setting.name),
            "{}",
            setting.name
        );
    }
}

#[test]
fn two_faults_are_reported_at_once_with_their_names() {
    let output = exporter(
        &["--aggregation", "cointainer"],
        &[
            BUCKET,
            ("CLUSTER_ID", "arn:aws:eks:us-east-1:1:cluster/x"),
            ("BACKFILL_PERIOD_DAYS", "2"),
        ],
    );
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for words in [
        "3 settings are wrong",
        "AGGREGATION: 'cointainer'",
        "CLUSTER_ID",
        "BACKFILL_PERIOD_DAYS",
    ] {
        assert!(said.contains(words), "'{words}' is not in: {said}");
    }
}

#[test]
fn nothing_set_says_what_is_required() {
    let output = exporter(&[], &[]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("S3_BUCKET_NAME") && said.contains("CLUSTER_ID"), "{said}");
}

#[test]
fn settings_that_moved_to_transform_are_said_so_and_secrets_are_not() {
    let file = std::env::temp_dir().join(format!("exporter-test-secret-{}", std::process::id()));
    std::fs::write(&file, "s3cret").unwrap();
    let output = exporter(
        &[],
        &[
            BUCKET,
            CLUSTER,
            ("LABELS", "team"),
            ("ANNOTATIONS", "owner"),
            // Nobody listens there.
            ("KUBECOST_API_ENDPOINT", "http://127.0.0.1:9"),
            ("RETRIES", "0"),
            ("SOURCE_AUTHENTICATION", "bearer"),
            ("SOURCE_AUTHENTICATION_FILE", file.to_str().unwrap()),
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "an-aws-s3cret"),
            ("AWS_REGION", "us-east-1"),
            ("LOG_LEVEL", "debug"),
        ],
    );
    std::fs::remove_file(&file).unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for name in ["LABELS", "ANNOTATIONS", "transform", "127.0.0.1:9"] {
        assert!(said.contains(name), "'{name}' is not in: {said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
    let last = said.lines().last().unwrap();
    let line: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(line["level"], "ERROR", "{said}");
}

/// Source, S3 and STS on one port. The source has data for no day, or fails. The bucket is in us-east-1.
struct World {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn serve(source_fails: bool) -> Self {
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let answers = Self::answers(Arc::clone(&requests), source_fails);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, answers).await.unwrap();
            });
        });
        Self { url, requests }
    }

    fn answers(seen: Arc<Mutex<Vec<String>>>, source_fails: bool) -> Router {
        Router::new().fallback(async move |request: Request| {
            let (head, body) = request.into_parts();
            let line = format!("{} {}", head.method, head.uri);
            let body = body::to_bytes(body, usize::MAX).await.unwrap();
            let body = String::from_utf8_lossy(&body);
            let text = format!("{line}\n{:?}\n{body}", head.headers);
            let response = answer(&text, source_fails);
            seen.lock().unwrap().push(text);
            response
        })
    }

    /// Requests whose first line begins so.
    fn requests(&self, beginning: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .filter(|request| request.starts_with(beginning))
            .cloned()
            .collect()
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        vec![
            BUCKET,
            CLUSTER,
            ("KUBECOST_API_ENDPOINT", &self.url),
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_ACCESS_KEY_ID", "AKIACHILD"),
            ("AWS_SECRET_ACCESS_KEY", "s3cret-child"),
            ("AWS_SESSION_TOKEN", "s3cret-child-token"),
            ("AWS_REGION", "us-east-1"),
            ("PLAN_WAIT_SECONDS", "0"),
            ("RETRIES", "0"),
        ]
    }

    fn export(&self, more: &[(&str, &str)]) -> Output {
        let mut environment = self.environment();
        environment.extend(more);
        exporter(&[], &environment)
    }
}

fn answer(request: &str, source_fails: bool) -> (StatusCode, String) {
    let path = request.split([' ', '\n']).nth(1).unwrap_or("");
    let (status, body) = match path {
        "/model/allocation" => (400, "Missing required query parameter: 'window'".to_owned()),
        _ if path.starts_with("/model/") && source_fails => (500, "boom".to_owned()),
        _ if path.starts_with("/model/") => (200, r#"{"code":200,"data":[{}]}"#.to_owned()),
        "/" if request.contains("AssumeRoleWithWebIdentity") => (400, NO_PROVIDER.to_owned()),
        "/" => (200, assumed_role()),
        "/credentials" => (200, CREDENTIALS.to_owned()),
        _ if !request.contains("/us-east-1/s3/aws4_request") => {
            let error = "<Error><Code>PermanentRedirect</Code><Message>Use the endpoint.</Message></Error>";
            (301, error.to_owned())
        }
        _ if request.starts_with("GET") => (403, String::new()),
        _ => (200, String::new()),
    };
    (StatusCode::from_u16(status).unwrap(), body)
}

/// What STS answers where the account does not know the cluster's identity provider.
const NO_PROVIDER: &str = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
    <Code>InvalidIdentityToken</Code><Message>No OpenIDConnect provider found in your account for https://oidc.eks.us-east-1.amazonaws.com/id/ABC</Message>\
    </Error><RequestId>1</RequestId></ErrorResponse>";

/// What the agent of EKS Pod Identity answers.
const CREDENTIALS: &str = r#"{"AccessKeyId":"AKIACHILD","SecretAccessKey":"s3cret-child","Token":"s3cret-child-token",
    "Expiration":"2099-01-01T00:00:00Z"}"#;

/// A session that is all but over: the next request needs another.
fn assumed_role() -> String {
    let ends = chrono::DateTime::<chrono::Utc>::from(SystemTime::now() + Duration::from_secs(5));
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>ASIAPARENT</AccessKeyId><SecretAccessKey>s3cret-parent</SecretAccessKey>\
         <SessionToken>s3cret-parent-token</SessionToken><Expiration>{}</Expiration>\
         </Credentials></AssumeRoleResult></AssumeRoleResponse>",
        ends.format("%Y-%m-%dT%H:%M:%SZ")
    )
}

fn last_line(output: &Output) -> serde_json::Value {
    let said = said(output);
    serde_json::from_str(said.lines().last().unwrap()).unwrap()
}

#[test]
fn a_run_without_plan_collects_the_newest_settled_day() {
    let world = World::serve(false);
    let output = world.export(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let written: Vec<String> = world
        .requests("PUT /finops-lake/staging/111122223333/us-east-1/cluster-one/")
        .iter()
        .map(|request| request.lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(written.len(), 3, "{written:?}");
    for (written, name) in written.iter().zip(["/inventory.json", "/manifest.json", "/run.json"]) {
        assert!(written.contains(name), "{written}");
    }
    let line = last_line(&output);
    assert_eq!(line["level"], "INFO");
    let message = line["message"].as_str().unwrap();
    assert!(
        message.contains("0 days collected, 0 failed") && message.contains("no data"),
        "the last line sums up: {message}"
    );
    assert!(said(&output).contains("72 to 48 hours ago"));
}

#[test]
fn a_failed_day_makes_the_status_1_and_the_last_line_names_it() {
    let world = World::serve(true);
    let output = world.export(&[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let line = last_line(&output);
    assert_eq!(line["level"], "ERROR");
    let message = line["message"].as_str().unwrap();
    assert!(
        message.contains("1 failed") && message.contains("500") && message.contains("boom"),
        "{message}"
    );
}

#[test]
fn a_bucket_in_another_region_is_reported_with_the_setting() {
    let output = World::serve(false).export(&[("AWS_REGION", "eu-central-1")]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let line = last_line(&output).to_string();
    assert!(
        line.contains("PermanentRedirect") && line.contains("set S3_BUCKET_REGION"),
        "{line}"
    );
}

#[test]
fn the_parent_role_is_assumed_again_before_its_session_ends() {
    let world = World::serve(false);
    let role = "arn:aws:iam::444455556666:role/lake-cluster-one";
    let output = world.export(&[
        ("IRSA_PARENT_IAM_ROLE_ARN", role),
        ("AWS_REGION", "eu-central-1"),
        ("S3_BUCKET_REGION", "us-east-1"),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let written = world.requests("PUT /");
    assert!(
        written.iter().all(|request| request.contains("Credential=ASIAPARENT/")),
        "{written:?}"
    );
    let assumed = world.requests("POST /");
    assert!(assumed.len() >= 2, "{}", assumed.len());
    assert!(assumed.iter().all(|request| {
        request.contains("Credential=AKIACHILD/")
            && request.contains("/eu-central-1/sts/aws4_request")
            && request.contains("role%2Flake-cluster-one")
            && request.contains("kubecost-lake-exporter")
    }));
}

#[test]
fn no_log_level_shows_a_secret() {
    let world = World::serve(false);
    let file = std::env::temp_dir().join(format!("exporter-test-token-{}", std::process::id()));
    std::fs::write(&file, "s3cret-token").unwrap();
    let output = world.export(&[
        ("LOG_LEVEL", "trace"),
        ("SOURCE_AUTHENTICATION", "bearer"),
        ("SOURCE_AUTHENTICATION_FILE", file.to_str().unwrap()),
        (
            "IRSA_PARENT_IAM_ROLE_ARN",
            "arn:aws:iam::444455556666:role/lake-cluster-one",
        ),
    ]);
    std::fs::remove_file(&file).unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(world.requests("GET /model/")[0].contains("Bearer s3cret-token"));
    let leaks: Vec<&str> = said.lines().filter(|line| line.contains("s3cret")).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert!(said.contains("TRACE"), "the level was set");
}

#[test]
fn a_pods_log_as_text_has_no_colours() {
    let output = World::serve(false).export(&[("LOG_FORMAT", "text")]);
    let said = said(&output);
    assert!(said.contains("INFO") && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let world = World::serve(false);
    for format in ["json", "text"] {
        let status = Command::new(env!("CARGO_BIN_EXE_exporter"))
            .env_clear()
            .envs(world.environment())
            .envs([("LOG_LEVEL", "trace"), ("LOG_FORMAT", format)])
            .stderr(File::create("/dev/full").unwrap())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(0), "{format}");
    }
    assert_eq!(world.requests("PUT /finops-lake/staging/").len(), 6);
}

#[test]
fn credentials_that_are_missing_or_refused_are_explained() {
    let world = World::serve(false);
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "s3cret-web-token").unwrap();
    let basic = [
        BUCKET,
        CLUSTER,
        ("KUBECOST_API_ENDPOINT", world.url.as_str()),
        ("AWS_ENDPOINT_URL", &world.url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("PLAN_WAIT_SECONDS", "0"),
        ("RETRIES", "0"),
    ];
    let identity = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.path().to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/child"),
    ];
    for (more, words) in [
        (
            &[][..],
            &["no credentials", "eks.amazonaws.com/role-arn", "serviceAccount"][..],
        ),
        (
            &identity,
            &[
                "InvalidIdentityToken",
                "No OpenIDConnect provider",
                "create an IAM OIDC provider",
            ],
        ),
    ] {
        let output = exporter(&[], &[&basic[..], more].concat());
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let line = last_line(&output).to_string();
        for words in words {
            assert!(line.contains(words), "'{words}' is not in: {line}");
        }
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn a_run_ends_with_a_summary_at_its_deadline_and_by_sigterm() {
    // Whatever is asked for does not come.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let world = World::serve(false);
    let mut environment = world.environment();
    environment.extend([("KUBECOST_API_ENDPOINT", url.as_str()), ("SOURCE_KIND", "opencost")]);
    for (deadline, reason) in [("1", "RUN_DEADLINE_SECONDS"), ("0", "SIGTERM")] {
        let began = std::time::Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_exporter"))
            .env_clear()
            .envs(environment.iter().copied())
            .env("RUN_DEADLINE_SECONDS", deadline)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        if reason == "SIGTERM" {
            std::thread::sleep(Duration::from_secs(1));
            let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            assert!(killed.unwrap().success());
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let message = last_line(&output)["message"].as_str().unwrap().to_owned();
        assert!(message.contains("1 failed") && message.contains(reason), "{message}");
    }
}
