//! Serves the local bucket on a directory, for tests in other languages: prints its address and keys as one line of
//! JSON, and ends when standard input does.
#![allow(clippy::unwrap_used, reason = "helps tests only, where a panic is a failed test")]

use std::{
    io::{self, Read, Write},
    path::PathBuf,
};

use local_bucket::{BUCKET_NAME, LocalBucket};

#[tokio::main]
async fn main() -> io::Result<()> {
    let directory = PathBuf::from(std::env::args_os().nth(1).unwrap());
    let (bucket, _events) = LocalBucket::serve(&directory, |_| false).await.unwrap();
    let line = serde_json::json!({
        "endpoint": bucket.endpoint,
        "bucket": BUCKET_NAME,
        "access_key": bucket.access_key,
        "secret_key": bucket.secret_key,
    });
    writeln!(io::stdout(), "{line}")?;
    let ended = tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new()));
    ended.await.unwrap()?;
    bucket.close().await;
    Ok(())
}
