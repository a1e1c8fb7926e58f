//! Arguments that are wrong, and lakes that are not there.

use crate::commands;

const DIRECTORY: &str = "DIRECTORY";

#[test]
fn wrong_arguments_end_with_exit_status_2_and_say_what_is_expected() {
    let lake = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        ("query nothing --lake DIRECTORY", "cost_per_day, "),
        ("query bill --lake DIRECTORY", "questions bill --engine duckdb"),
        ("query gpu --share idle=even --lake DIRECTORY", "cost_by_team"),
        (
            "query cost_by_team --share idle=some --lake DIRECTORY",
            "idle=proportional|even|none",
        ),
        ("query gpu --from yesterday --lake DIRECTORY", "FROM: "),
        (
            "query gpu --from 2026-11-20 --to 2026-11-19 --lake DIRECTORY",
            "2026-11-20 is later than TO, 2026-11-19",
        ),
        (
            "report --from 2026-11-20 --to 2026-11-19 --lake DIRECTORY",
            "2026-11-20 is later than TO, 2026-11-19",
        ),
        ("report --share even --lake DIRECTORY", "idle=proportional|even|none"),
        ("status --lake s3://bucket/prefix", "without a prefix"),
        ("status --lake DIRECTORY --format yaml", "table"),
        ("questions nothing", "`kubecost-lake questions` lists them"),
        ("schema --labels team,TEAM", "TEAM"),
        (
            "verify --source http://localhost:1 --from 2026-11-20 --to 2026-11-19 --lake DIRECTORY",
            "2026-11-20 is later than TO, 2026-11-19",
        ),
        (
            "replay --cluster arn:aws:eks:us-east-1:111122223333:cluster/one --lake DIRECTORY --from 2026-11-20 --to 2026-11-19",
            "2026-11-20 is later than TO, 2026-11-19",
        ),
    ] {
        let words = arguments.split(' ').map(|word| match word {
            DIRECTORY => lake.path().to_str().unwrap(),
            word => word,
        });
        let (code, output, errors) = commands::run(&words.collect::<Vec<_>>(), &[]);
        assert!(
            code == 2 && errors.contains(expected) && output.is_empty(),
            "{arguments}: {code} {output}{errors}"
        );
    }
}

#[test]
fn a_lake_that_is_not_there_is_named() {
    for arguments in [["status", "--lake"], ["verify", "--lake"], ["report", "--lake"]] {
        let (code, _, errors) = commands::run(&[arguments[0], arguments[1], "/no/such/lake"], &[]);
        assert!(
            code == 1 && errors.contains("there is no directory '/no/such/lake'"),
            "{errors}"
        );
    }
}

#[test]
fn a_lake_without_days_is_said_to_have_none() {
    let lake = tempfile::tempdir().unwrap();
    let lake = lake.path().to_str().unwrap();
    for arguments in [
        vec!["status", "--lake", lake],
        vec!["verify", "--lake", lake],
        vec!["verify", "--source", "http://localhost:1", "--lake", lake],
    ] {
        let (code, output, errors) = commands::run(&arguments, &[]);
        let expected = format!("{lake} has no days");
        assert!(code == 3 && output.contains(&expected), "{code} {output}{errors}");
    }
}

#[test]
fn what_cannot_be_shown_is_said_beside_the_result() {
    let lake = tempfile::tempdir().unwrap();
    let path = lake.path().to_str().unwrap();
    let out = lake.path().join("report.html");
    let hint = format!("hint: {path} has no days, or none of those that were asked for: see `kubecost-lake status`\n");
    for arguments in [
        vec!["query", "gpu", "--lake", path],
        vec!["report", "--lake", path, "--out", out.to_str().unwrap()],
    ] {
        let (code, output, errors) = commands::run(&arguments, &[]);
        assert!(code == 0 && !output.is_empty() && errors == hint, "{output}{errors}");
    }
    let cluster = "arn:aws:eks:us-east-1:111122223333:cluster/one";
    let (code, _, errors) = commands::run(&["replay", "--lake", path, "--cluster", cluster], &[]);
    let expected = "hint: no set of 111122223333/us-east-1/one is staged for these days: ";
    assert!(code == 0 && errors.starts_with(expected), "{errors}");
    let out = lake.path().join("absent").join("report.html");
    let (code, _, errors) = commands::run(&["report", "--lake", path, "--out", out.to_str().unwrap()], &[]);
    let expected = format!("there is no directory {path}/absent\n");
    assert!(code == 1 && errors.ends_with(&expected), "{errors}");
}
