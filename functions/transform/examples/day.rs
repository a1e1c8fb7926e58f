//! Measures the conversion of one day: CPU time, wall time and memory of the converting process alone.
//!
//! `day serve ADDRESS` serves an empty bucket; `day stage ADDRESS ALLOCATION.json ASSETS.json` stages a set; `day run ADDRESS` converts it.

#[path = "../tests/support/server.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod server;

use std::sync::Arc;

use aws_access::Store;
use contract::{clock::SystemClock, documents::*, keys::Prefixes};
use function::metrics::LogOnly;
use sha2::{Digest, Sha256};
use transform::{Settings, Transform};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().collect();
    let address = &arguments[2];
    let endpoint = format!("http://{address}");
    let cluster: contract::cluster::ClusterArn =
        "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one".parse()?;
    let run: contract::run::RunId = "019aaaaa-0000-7000-8000-000000000001".parse()?;
    let day: contract::day::Day = "2026-11-20".parse()?;
    let prefixes = Prefixes::default();
    let store = Store::new(server::client(&endpoint), "bench-bucket");
    match arguments[1].as_str() {
        "serve" => {
            let listener = tokio::net::TcpListener::bind(address).await?;
            server::Bucket::default().accept(listener).await;
        }
        "stage" => {
            let mut parts = Vec::new();
            let (mut rows, mut total_cost) = (0, 0.0);
            for (kind, file) in [
                (PartKind::Allocation, &arguments[3]),
                (PartKind::Assets, &arguments[4]),
            ] {
                let raw = std::fs::read(file)?;
                let mut count = 0;
                if kind == PartKind::Allocation {
                    let mut scanner = answer::Scanner::new();
                    let mut parser = answer::allocation::RowParser::new();
                    scanner.feed(&raw, &mut |entry: answer::Entry<'_>| {
                        total_cost +=
                            parser.parse(&entry.key, entry.value)?.numbers()[table::TOTAL_COST];
                        count += 1;
                        Ok::<_, answer::allocation::RowError>(())
                    })?;
                }
                let content = zstd::encode_all(raw.as_slice(), 1)?;
                rows += count;
                let key = if kind == PartKind::Assets {
                    prefixes.assets(cluster.id(), &run, day)
                } else {
                    prefixes.allocation_part(cluster.id(), &run, day, 1)
                };
                parts.push(Part {
                    kind,
                    key: key.clone(),
                    bytes: content.len() as u64,
                    raw_bytes: raw.len() as u64,
                    sha256: Sha256::digest(&content)
                        .iter()
                        .map(|byte| format!("{byte:02x}"))
                        .collect(),
                    rows: count,
                    set: None,
                });
                let mut upload = store.upload(key).begin();
                upload.write(content.into()).await?;
                upload.finish().await?;
            }
            let manifest = Manifest {
                run,
                cluster: cluster.clone(),
                date: day,
                window: day.window(),
                created_at: "2026-11-24T05:00:00Z".parse()?,
                source: Source {
                    kind: SourceKind::Kubecost,
                    version: None,
                },
                query: String::new(),
                rows,
                total_cost,
                parts,
            };
            store
                .put_document(&prefixes.manifest(cluster.id(), &run, day), &manifest)
                .await?;
        }
        _ => {
            let settings = Settings::read(settings::Reader::new(|name| {
                (name == "S3_BUCKET_NAME").then(|| "bench-bucket".to_owned())
            }))?;
            let transform =
                Transform::new(settings, store, Arc::new(SystemClock), Arc::new(LogOnly));
            let began = std::time::Instant::now();
            let outcome = transform
                .transform_manifest(&prefixes.manifest(cluster.id(), &run, day))
                .await?;
            println!("{outcome:?} {:?}", began.elapsed());
        }
    }
    Ok(())
}
