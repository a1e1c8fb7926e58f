//! The program itself, as the CronJob starts it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::process::{Command, Output};

use exporter::settings::table::{LAKE_SETTINGS, LOG_SETTINGS, PERIOD_SETTINGS, SOURCE_SETTINGS};

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
const CLUSTER: (&str, &str) = (
    "CLUSTER_ID",
    "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one",
);

#[test]
fn the_help_names_each_setting() {
    let help = said(&exporter(&["--help"], &[]));
    for setting in [
        LAKE_SETTINGS,
        PERIOD_SETTINGS,
        SOURCE_SETTINGS,
        LOG_SETTINGS,
    ]
    .into_iter()
    .flatten()
    {
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
    assert!(
        said.contains("S3_BUCKET_NAME") && said.contains("CLUSTER_ID"),
        "{said}"
    );
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
