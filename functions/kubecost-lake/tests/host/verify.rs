//! `verify` on lakes that something happened to.

use std::{fs, path::Path};

use arrow::array::RecordBatch;
use contract::{day::Day, keys::Prefixes};
use exporter::Days;
use kubecost_lake::{host::Host, simulator::SimulatedSource};
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    file::{metadata::KeyValue, properties::WriterProperties},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    commands,
    support::{arn, days, generated, period, source, source_settings, start},
};

/// A lake with some days of a cluster.
struct Lake {
    directory: TempDir,
    host: Host,
    days: Vec<Day>,
    source: SimulatedSource,
}

impl Lake {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let host = start(directory.path()).await;
        let days = days()[..4].to_vec();
        let source = source("shop", &days).await;
        let given = Days::Given(days.clone());
        let settings = source_settings(&source.url);
        let outcome = host
            .collect(arn("shop"), settings, period(), None, &given)
            .await
            .unwrap();
        assert!(outcome.is_success(), "{outcome:?}");
        Self {
            directory,
            host,
            days,
            source,
        }
    }

    fn key(&self, day: usize) -> String {
        Prefixes::default().lake_object(arn("shop").id(), self.days[day])
    }

    fn read(&self, key: &str) -> Vec<u8> {
        fs::read(self.directory.path().join(key)).unwrap()
    }

    /// Writes an object by S3's API, with a checksum, and the metadata of another.
    async fn put(&self, key: &str, content: Vec<u8>, metadata_of: &str) {
        let head = self.host.store.head(metadata_of).await.unwrap().unwrap();
        let mut upload = self.host.store.upload(key);
        for (name, value) in head.metadata {
            upload = upload.metadata(&name, value);
        }
        let mut upload = upload.begin();
        upload.write(content.into()).await.unwrap();
        upload.finish().await.unwrap();
    }

    /// Writes a day's object with other rows, and other values of the footer.
    async fn rewrite(
        &self,
        day: usize,
        rows: impl Fn(RecordBatch) -> Vec<RecordBatch>,
        footer: impl Fn(&mut Vec<KeyValue>),
    ) {
        let key = self.key(day);
        let content = rewritten(self.read(&key), rows, footer);
        self.put(&key, content, &key).await;
    }

    fn verify(&self, arguments: &[&str]) -> (i32, Vec<[String; 2]>) {
        verify(self.directory.path().to_str().unwrap(), arguments, &[])
    }
}

/// The exit status, and what each finding is about with the end of the object's key.
fn verify(lake: &str, arguments: &[&str], environment: &[(&'static str, String)]) -> (i32, Vec<[String; 2]>) {
    let arguments = [&["verify", "--lake", lake, "--format", "json"], arguments].concat();
    let (code, output, errors) = commands::run(&arguments, environment);
    let output: Value = serde_json::from_str(&output).unwrap_or_else(|_| panic!("{output}{errors}"));
    let findings = output["findings"].as_array().unwrap().iter().map(|finding| {
        assert!(finding["reason"].as_str().unwrap().len() > 20, "{finding}");
        let text = |name: &str| finding[name].as_str().unwrap().to_owned();
        let key = text("object");
        [text("finding"), key.rsplit('/').next().unwrap().to_owned()]
    });
    (code, findings.collect())
}

fn rewritten(
    content: Vec<u8>,
    rows: impl Fn(RecordBatch) -> Vec<RecordBatch>,
    footer: impl Fn(&mut Vec<KeyValue>),
) -> Vec<u8> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(content)).unwrap();
    let mut values = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
    values.retain(|value| value.key != "ARROW:schema");
    footer(&mut values);
    let schema = reader.schema().clone();
    let mut written = Vec::new();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(20))
        .build();
    let mut writer = ArrowWriter::try_new(&mut written, schema, Some(properties)).unwrap();
    for batch in reader.with_batch_size(10_000).build().unwrap() {
        for batch in rows(batch.unwrap()) {
            writer.write(&batch).unwrap();
        }
    }
    for value in values {
        writer.append_key_value_metadata(value);
    }
    writer.close().unwrap();
    written
}

fn all(batch: RecordBatch) -> Vec<RecordBatch> {
    vec![batch]
}

fn set(values: &mut [KeyValue], key: &str, value: impl Fn(&str) -> String) {
    let found = values.iter_mut().find(|value| value.key == key).unwrap();
    found.value = Some(value(found.value.as_deref().unwrap()));
}

fn name(key: &str) -> String {
    Path::new(key).file_name().unwrap().to_str().unwrap().to_owned()
}

fn found(check: &str, key: &str) -> Vec<[String; 2]> {
    vec![[check.to_owned(), name(key)]]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_as_it_was_written_has_no_findings_in_a_directory_and_in_a_bucket() {
    let lake = Lake::new().await;
    assert_eq!(lake.verify(&[]), (0, vec![]));
    // Rows in other row groups are the same rows.
    lake.rewrite(1, all, |_| {}).await;
    assert_eq!(lake.verify(&[]), (0, vec![]));
    let environment = lake.host.bucket.environment();
    let bucket = format!("s3://{}", local_bucket::BUCKET_NAME);
    assert_eq!(verify(&bucket, &[], &environment), (0, vec![]));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(verify(empty.path().to_str().unwrap(), &[], &[]), (3, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_found_whether_the_file_looks_untouched_or_not() {
    let lake = Lake::new().await;
    let path = lake.directory.path().join(lake.key(2));
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut content = fs::read(&path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    // In place, as a disk does it.
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &content, 0).unwrap();
    file.set_modified(modified).unwrap();
    assert_eq!(lake.verify(&[]), (3, found("content", &lake.key(2))));
    let environment = lake.host.bucket.environment();
    let bucket = format!("s3://{}", local_bucket::BUCKET_NAME);
    assert_eq!(verify(&bucket, &[], &environment), (3, found("content", &lake.key(2))));
    // As an editor does it.
    fs::write(&path, &content).unwrap();
    assert_eq!(lake.verify(&[]), (3, found("content", &lake.key(2))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_row_group_and_changed_rows_are_found() {
    let lake = Lake::new().await;
    let first_group = |batch: RecordBatch| vec![batch.slice(0, 20)];
    lake.rewrite(1, first_group, |_| {}).await;
    assert_eq!(lake.verify(&[]), (3, found("footer", &lake.key(1))));
    // The footer hides it.
    lake.rewrite(1, first_group, |values| set(values, "rows", |_| "20".to_owned()))
        .await;
    assert_eq!(lake.verify(&[]), (3, found("rows", &lake.key(1))));
    let lake = Lake::new().await;
    let twice = |batch: RecordBatch| {
        let (one, rest) = (batch.slice(0, 1), batch.slice(2, batch.num_rows() - 2));
        vec![one.clone(), one, rest]
    };
    lake.rewrite(1, twice, |_| {}).await;
    assert_eq!(lake.verify(&[]), (3, found("rows", &lake.key(1))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_footer_is_found() {
    let lake = Lake::new().await;
    let key = lake.key(1);
    let original = lake.read(&key);
    let other_day = lake.days[2].to_string();
    type Change<'a> = &'a dyn Fn(&mut Vec<KeyValue>);
    let changes: [(&str, Change<'_>); 7] = [
        ("footer", &|values| values.clear()),
        ("footer", &|values| values.retain(|value| value.key != "totals")),
        ("footer", &|values| set(values, "rows", |rows| format!("{rows}0"))),
        ("footer", &|values| set(values, "cluster", |_| "shop".to_owned())),
        ("rows", &|values| {
            set(values, "totals", |totals| {
                totals.replace("\"totalCost\":", "\"totalCost\":1")
            })
        }),
        ("metadata", &|values| {
            set(values, "run", |_| "019aaaaa-0000-7000-8000-000000000001".to_owned())
        }),
        ("metadata", &|values| set(values, "day", |_| "{}".to_owned())),
    ];
    for (index, (check, change)) in changes.into_iter().enumerate() {
        lake.put(&key, rewritten(original.clone(), all, change), &key).await;
        assert_eq!(lake.verify(&[]), (3, found(check, &key)), "{index}");
    }
    let changed = rewritten(original.clone(), all, |values| {
        set(values, "date", |_| other_day.clone())
    });
    lake.put(&key, changed, &key).await;
    let (code, findings) = lake.verify(&[]);
    assert_eq!(
        (code, &findings[0]),
        (3, &found("counted twice", &key)[0]),
        "{findings:?}"
    );
    // The last bytes of the footer.
    let mut broken = original.clone();
    let end = broken.len() - 20;
    broken[end..end + 12].fill(0xff);
    lake.put(&key, broken, &key).await;
    assert_eq!(lake.verify(&[]), (3, found("footer", &key)));
    lake.put(&key, b"PAR1".to_vec(), &key).await;
    assert_eq!(lake.verify(&[]), (3, found("footer", &key)));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_columns_than_the_computed_layout_are_found() {
    let lake = Lake::new().await;
    let key = lake.key(1);
    let without = |batch: RecordBatch, column: &str| {
        let column = batch.schema().index_of(column).unwrap();
        let columns: Vec<usize> = (0..batch.num_columns()).filter(|index| *index != column).collect();
        batch.project(&columns).unwrap()
    };
    let without_column = |content: Vec<u8>, column: &str| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(content)).unwrap();
        let values = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
        let batch = reader.build().unwrap().next().unwrap().unwrap();
        let batch = without(batch, column);
        let mut written = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut written, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        for value in values.into_iter().filter(|value| value.key != "ARROW:schema") {
            writer.append_key_value_metadata(value);
        }
        writer.close().unwrap();
        written
    };
    let original = lake.read(&key);
    lake.put(&key, without_column(original.clone(), "networkCost"), &key)
        .await;
    assert_eq!(lake.verify(&[]), (3, found("layout", &key)));
    // One of the newer columns: a file of an older version lacks it.
    lake.put(&key, without_column(original, "gpuDevice"), &key).await;
    assert_eq!(lake.verify(&[]), (0, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_files_missing_days_and_second_files_are_found() {
    let lake = Lake::new().await;
    let key = lake.key(1);
    let content = lake.read(&key);
    let folder = key.rsplit_once('/').unwrap().0;
    for (foreign, content) in [
        (format!("{folder}/_SUCCESS"), Vec::new()),
        ("lake/notes.txt".to_owned(), b"costs of November".to_vec()),
    ] {
        lake.put(&foreign, content, &key).await;
        assert_eq!(lake.verify(&[]), (3, found("foreign file", &foreign)));
        lake.host.store.delete(&foreign).await.unwrap();
    }
    // Queries count these rows twice, wherever the second file is.
    for second in [
        key.replace("_shop.", "_shop-copy."),
        format!("{folder}/part-0000.snappy.parquet"),
        "lake/copy.parquet".to_owned(),
    ] {
        lake.put(&second, content.clone(), &key).await;
        assert_eq!(lake.verify(&[]), (3, found("counted twice", &second)));
        lake.host.store.delete(&second).await.unwrap();
    }
    lake.host.store.delete(&key).await.unwrap();
    assert_eq!(lake.verify(&[]), (3, found("missing day", &key)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lake_is_compared_with_its_source() {
    let lake = Lake::new().await;
    let compared = |url: &str| lake.verify(&["--source", url]);
    assert_eq!(compared(&lake.source.url), (0, vec![]));
    // Other costs, of the same days.
    let mut other = generated("shop", &lake.days);
    other.seed += 1;
    let other = SimulatedSource::kubecost(other).await.unwrap();
    let (code, findings) = compared(&other.url);
    assert_eq!(code, 3);
    assert!(
        findings.len() >= lake.days.len() && findings.iter().all(|[check, _]| check == "source"),
        "{findings:?}"
    );
    let one_day = lake.days[1].to_string();
    let (_, findings) = lake.verify(&["--source", &other.url, "--from", &one_day, "--to", &one_day]);
    assert!(
        findings.iter().all(|[_, object]| *object == name(&lake.key(1))),
        "{findings:?}"
    );
    // Days that the source no longer has are no finding.
    let younger = source("shop", &lake.days[2..]).await;
    assert_eq!(compared(&younger.url), (0, vec![]));
    let (code, _) = lake.verify(&["--source", &other.url, "--cluster", &arn("another").to_string()]);
    assert_eq!(code, 0);
}
