//! `convert` and `status` as a user runs them, on days that something is wrong with.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use contract::{day::Day, keys::Prefixes};
use kubecost_lake::summary::LakeSummary;
use local_bucket::LocalBucket;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    commands,
    support::{arn, case},
};

const DAY: &str = "2026-11-20";

struct Lake {
    directory: TempDir,
}

impl Lake {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> &str {
        self.directory.path().to_str().unwrap()
    }

    fn file(&self) -> PathBuf {
        let day: Day = DAY.parse().unwrap();
        self.directory
            .path()
            .join(Prefixes::default().lake_object(arn("cluster-one").id(), day))
    }

    /// Converts a response that is saved in a file.
    fn convert(&self, response: &Value, arguments: &[&str]) -> (i32, String, String) {
        let saved = self.directory.path().join("saved.json");
        fs::write(&saved, response.to_string()).unwrap();
        self.convert_file(&saved, arguments)
    }

    fn convert_file(&self, saved: &Path, arguments: &[&str]) -> (i32, String, String) {
        let cluster = arn("cluster-one").to_string();
        let fixed = [
            "convert",
            saved.to_str().unwrap(),
            "--cluster",
            &cluster,
            "--lake",
            self.path(),
        ];
        commands::run(&[&fixed, arguments].concat(), &[])
    }

    /// The exit status, and finding and reason of each finding.
    fn status(&self) -> (i32, Vec<[String; 2]>) {
        status(self.path(), &[])
    }
}

fn status(lake: &str, environment: &[(&'static str, String)]) -> (i32, Vec<[String; 2]>) {
    let (code, output, errors) = commands::run(&["status", "--lake", lake, "--format", "json"], environment);
    let output: Value = serde_json::from_str(&output).unwrap_or_else(|_| panic!("{output}{errors}"));
    assert_eq!(output["complete"], code == 0);
    let findings = output["findings"].as_array().unwrap().iter();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    (
        code,
        findings
            .map(|finding| [text(finding, "finding"), text(finding, "reason")])
            .collect(),
    )
}

fn assets() -> PathBuf {
    recordings::path("cases/assets-one-node.json")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_response_becomes_a_whole_day_in_a_directory_and_in_a_bucket() {
    let lake = Lake::new();
    let assets = assets();
    let (code, output, errors) = lake.convert(&case("shrinks-1-full"), &["--assets", assets.to_str().unwrap()]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(
        output.contains("1 day (2026-11-20), 20 rows") && output.contains(" USD"),
        "{output}"
    );
    assert_eq!(lake.status(), (0, vec![]));
    let (bucket, _) = LocalBucket::serve(lake.directory.path(), |_| false).await.unwrap();
    let name = format!("s3://{}", local_bucket::BUCKET_NAME);
    assert_eq!(status(&name, &bucket.environment()), (0, vec![]));
    let arguments = ["status", "--lake", &name, "--format", "csv"];
    let (_, csv, _) = commands::run(&arguments, &bucket.environment());
    assert!(
        csv.lines().count() == 2 && csv.contains(",2026-11-20,2026-11-20,1,0,0,0,"),
        "{csv}"
    );
    bucket.close().await;
    // As it is staged.
    let staged = lake.directory.path().join("saved.json.zst");
    let json = case("shrinks-1-full").to_string();
    fs::write(&staged, zstd::encode_all(json.as_bytes(), 1).unwrap()).unwrap();
    let other = Lake::new();
    assert_eq!(
        other.convert_file(&staged, &["--assets", assets.to_str().unwrap()]).0,
        0
    );
    assert_eq!(other.status(), (0, vec![]));
}

#[test]
fn what_is_no_response_is_refused_with_what_to_save() {
    let lake = Lake::new();
    for (content, expected) in [
        ("<html>login</html>", "step=1d"),
        ("{\"code\":500,\"message\":\"boom\",\"data\":null}", "boom"),
        ("{\"code\":200,\"data\":[{}]}", "no rows"),
    ] {
        let saved = lake.directory.path().join("saved.json");
        fs::write(&saved, content).unwrap();
        let (code, _, errors) = lake.convert_file(&saved, &[]);
        assert!(code == 1 && errors.contains(expected), "{code} {errors}");
    }
    let (code, _, errors) = lake.convert_file(Path::new("/nowhere.json"), &[]);
    assert!(code == 1 && errors.contains("/nowhere.json"), "{errors}");
    let (code, _, errors) = commands::run(&["convert", "/nowhere.json"], &[]);
    assert!(
        code == 2 && errors.contains("CLUSTER_ID") && errors.contains("LAKE_DIRECTORY"),
        "{errors}"
    );
}

#[test]
fn partial_days_and_days_without_assets_are_found() {
    let lake = Lake::new();
    let (code, _, errors) = lake.convert(&case("part-of-a-day"), &[]);
    assert!(code == 1 && errors.contains("partial"), "{errors}");
    let (code, findings) = lake.status();
    let kinds: Vec<&str> = findings.iter().map(|[finding, _]| finding.as_str()).collect();
    assert_eq!((code, kinds), (3, vec!["partial", "without assets"]));
    assert!(findings[0][1].contains("observed"), "{findings:?}");
}

#[test]
fn thinner_sets_are_found_and_leave_the_day_whole() {
    let lake = Lake::new();
    let assets = assets();
    let assets = ["--assets", assets.to_str().unwrap()];
    let full = case("shrinks-1-full");
    assert_eq!(lake.convert(&full, &assets).0, 0);
    let mut half = full;
    let rows = half["data"][0].as_object_mut().unwrap();
    let lost: Vec<String> = rows.keys().step_by(2).cloned().collect();
    for key in lost {
        rows.remove(&key);
    }
    let (code, _, errors) = lake.convert(&half, &assets);
    assert!(code == 1 && errors.contains("has less than before"), "{errors}");
    let (code, findings) = lake.status();
    assert_eq!(
        (code, findings.len(), findings[0][0].as_str()),
        (0, 1, "kept"),
        "{findings:?}"
    );
}

#[test]
fn quarantined_and_missing_days_are_found() {
    let lake = Lake::new();
    let assets = assets();
    assert_eq!(
        lake.convert(&case("shrinks-1-full"), &["--assets", assets.to_str().unwrap()])
            .0,
        0
    );
    fs::remove_file(lake.file()).unwrap();
    assert_eq!(lake.status(), (3, vec![]));
    let cluster = arn("cluster-one").to_string();
    let staged = find(&lake.directory.path().join("staging"), "allocation-0001.json.zst");
    fs::write(staged, "not compressed").unwrap();
    let (_, output, errors) = commands::run(&["replay", "--lake", lake.path(), "--cluster", &cluster], &[]);
    let (code, findings) = lake.status();
    assert_eq!((code, findings.len()), (3, 1), "{findings:?} {output}{errors}");
    assert!(
        findings[0][0] == "quarantined" && !findings[0][1].is_empty(),
        "{findings:?}"
    );
}

#[test]
fn a_label_that_no_row_has_is_a_hint_beside_the_result() {
    let lake = Lake::new();
    lake.convert(&case("shrinks-1-full"), &["--labels", "team,unused"]);
    let query = |label| {
        let arguments = ["query", "cost_by_team", "--lake", lake.path(), "--label", label];
        commands::run(&arguments, &[])
    };
    // By its column, and from the maps.
    for label in ["team", "app"] {
        let (code, output, errors) = query(label);
        assert!(
            code == 0 && output.lines().count() > 1 && errors.is_empty(),
            "{output}{errors}"
        );
    }
    for label in ["unused", "tema"] {
        let (code, output, errors) = query(label);
        let hint = format!("hint: no row has the label '{label}': labels with a column are team, unused\n");
        assert!(
            code == 0 && output.lines().count() == 2 && errors == hint,
            "{output}{errors}"
        );
    }
}

/// The summary of a command reads three columns of each file, and the question all that questions need.
#[tokio::test]
async fn the_summary_has_the_costs_of_the_question() {
    let lake = Lake::new();
    lake.convert(&case("shrinks-1-full"), &[]);
    let arguments = ["query", "cost_by_namespace", "--lake", lake.path(), "--format", "json"];
    let question: Value = serde_json::from_str(&commands::run(&arguments, &[]).1).unwrap();
    let summary = LakeSummary::read(lake.directory.path().to_owned()).await.unwrap();
    let costs = &summary.clusters[arn("cluster-one").id()].costs;
    let rows = question.as_array().unwrap();
    assert!(
        !rows.is_empty() && rows.len() == costs.values().map(BTreeMap::len).sum::<usize>(),
        "{question}"
    );
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap();
        let cost = costs[text("currency")][text("namespace")];
        assert!((cost - row["cost"].as_f64().unwrap()).abs() < 1e-9, "{row} {cost}");
    }
}

/// The file of a name below a folder.
fn find(folder: &Path, name: &str) -> PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with(name) {
                return path;
            }
        }
    }
    panic!("there is no {name}");
}
