//! Measures the steps of converting a day, each by itself: decompression, the scanner, rows with and without labels,
//! the nodes of rows, Arrow arrays of rows, and their encoding as Parquet. `cargo bench --bench steps`
#![expect(clippy::expect_used, reason = "a benchmark ends where its own data is wrong")]

use std::hint::black_box;

use contract::{
    day::Day,
    documents::{Manifest, SetFacts, SourceInfo, SourceKind},
    run::RunId,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kubecost_lake::simulator::generated::GeneratedCluster;
use response::{Allocation, AssetParser, Entry, NodeFacts, NodeIndex, ParsedRows, RowError, RowParser, Rows, Scanner};
use table::TableLayout;

const CONTAINERS: usize = 5_000;

fn day() -> Day {
    "2026-11-20".parse().expect("a day")
}

fn cluster() -> GeneratedCluster {
    GeneratedCluster {
        name: "benchmark".to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        currency: "USD".to_owned(),
        containers: CONTAINERS,
        seed: 1,
        first: day(),
        last: day(),
    }
}

/// The response of the allocation API.
fn allocations(cluster: &GeneratedCluster) -> Vec<u8> {
    let mut response = br#"{"code":200,"data":[{"#.to_vec();
    for row in 0..cluster.rows() {
        let (key, row) = cluster.row(row, day());
        if response.last() != Some(&b'{') {
            response.push(b',');
        }
        response.extend_from_slice(format!("{key:?}:{row}").as_bytes());
    }
    response.extend_from_slice(b"}]}");
    response
}

/// Scans the response in the pieces in which it would arrive.
fn scan(response: &[u8], rows: &mut impl Rows<RowError>) {
    let mut scanner = Scanner::new();
    for chunk in response.chunks(64 * 1024) {
        scanner.feed_rows(chunk, rows).expect("a valid response");
    }
    black_box(scanner.finish().expect("a whole response"));
}

fn read(response: &[u8], mut parser: RowParser) {
    let mut rows = ParsedRows::new(&mut parser, |_, _, row: Result<Allocation<'_>, RowError>| {
        black_box(row?);
        Ok(())
    });
    scan(response, &mut rows);
}

fn steps(criterion: &mut Criterion) {
    let cluster = cluster();
    let response = allocations(&cluster);
    let compressed = zstd::encode_all(&response[..], 1).expect("compressed");
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Bytes(response.len() as u64));
    group.bench_function("decompression", |bencher| {
        bencher.iter(|| {
            let mut response = zstd::Decoder::new(black_box(&compressed[..])).expect("a stream");
            std::io::copy(&mut response, &mut std::io::sink()).expect("decompressed")
        });
    });
    group.bench_function("scanner", |bencher| {
        bencher.iter(|| scan(black_box(&response), &mut |_: Entry<'_>| Ok(())))
    });
    group.bench_function("scanner and rows without labels, as in the exporter", |bencher| {
        bencher.iter(|| read(black_box(&response), RowParser::without_labels()));
    });
    group.bench_function("scanner and rows, as in transform", |bencher| {
        bencher.iter(|| read(black_box(&response), RowParser::new()));
    });
    group.finish();
    join(criterion, &cluster);
}

fn join(criterion: &mut Criterion, cluster: &GeneratedCluster) {
    let assets = cluster.node_set(day());
    let assets: Vec<(String, String)> = assets
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, asset)| (key.clone(), asset.to_string()))
        .collect();
    let mut nodes = NodeIndex::new();
    let mut parser = AssetParser::new();
    for (key, asset) in &assets {
        if let Some(asset) = parser.parse(key, asset).expect("an asset") {
            nodes.add(key, &asset);
        }
    }
    let texts: Vec<(String, String)> = (0..cluster.rows())
        .map(|row| cluster.row(row, day()))
        .map(|(key, row)| (key, row.to_string()))
        .collect();
    let mut parser = RowParser::new();
    let rows: Vec<Allocation<'_>> = texts
        .iter()
        .map(|(key, row)| parser.parse(key, row).expect("a row"))
        .collect();
    let mut group = criterion.benchmark_group("join");
    group.throughput(Throughput::Elements(rows.len() as u64));
    group.bench_function("nodes of rows", |bencher| {
        bencher.iter(|| {
            for row in &rows {
                black_box(nodes.facts(row));
            }
        });
    });
    group.finish();
    let rows: Vec<(Allocation<'_>, NodeFacts<'_>)> = rows.iter().map(|row| (row.clone(), nodes.facts(row))).collect();
    write(criterion, &rows, texts.iter().map(|(_, row)| row.len()).sum());
}

/// Arrow arrays of rows, and their encoding. Throughput is that of the raw rows, so that all steps can be compared.
fn write(criterion: &mut Criterion, rows: &[(Allocation<'_>, NodeFacts<'_>)], raw_bytes: usize) {
    let layout = TableLayout::new(&[], &[]).expect("a layout");
    let manifest = manifest();
    let build = || transform::steps::build(&layout, &manifest, rows).expect("batches");
    let batches = build();
    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Bytes(raw_bytes as u64));
    group.bench_function("Arrow arrays, all columns", |bencher| {
        bencher.iter(|| black_box(build()))
    });
    group.bench_function("Parquet, all columns", |bencher| {
        bencher.iter(|| black_box(transform::steps::encode(&layout, &batches).expect("a file")));
    });
    group.finish();
}

fn manifest() -> Manifest {
    Manifest {
        run: RunId::new(day().start()),
        cluster: "arn:aws:eks:eu-west-1:111122223333:cluster/benchmark"
            .parse()
            .expect("a cluster"),
        date: day(),
        window: day().window(),
        created_at: day().start(),
        source: SourceInfo {
            kind: SourceKind::Kubecost,
            version: None,
        },
        query: String::new(),
        rows: 0,
        total_cost: 0.0,
        parts: Vec::new(),
        facts: SetFacts::default(),
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
