//! An S3 server over a directory, in this process. The real client reaches it over HTTP, and writes of wanted keys are
//! sent to a channel as events.
#![deny(missing_docs)]

use std::{io, path::Path, sync::Arc};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use s3s::{
    access::S3Access,
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc::UnboundedReceiver},
    task::{JoinHandle, JoinSet},
};
use uuid::Uuid;

pub mod directory;
mod entry;
mod error;
pub mod journal;
mod listing;
mod service;
pub mod tree;

use directory::Directory;
use journal::{Journal, ObjectWritten};
use service::Service;

pub use entry::Entry;
pub use error::DirectoryError;
pub use listing::Listed;

/// The bucket's name, whatever the directory's is.
pub const BUCKET_NAME: &str = "kubecost-lake";
/// The region in events and signatures.
pub const REGION: &str = "us-east-1";

/// The server. It ends when the value is dropped.
#[derive(Debug)]
pub struct LocalBucket {
    /// Its URL: `http://127.0.0.1:<port>`.
    pub endpoint: String,
    /// The access key that it accepts, random for each start: other users of this machine can reach the port.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The events that are still to be handled.
    pub journal: Arc<Journal>,
    closing: Arc<Notify>,
    server: JoinHandle<()>,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// No port is free.
    #[error("the bucket cannot be served: {0}")]
    Io(#[from] io::Error),
}

/// Accepts every request that is signed.
struct Signed;

impl S3Access for Signed {}

impl LocalBucket {
    /// Serves a directory, which is created if need be. Writes to keys that `is_wanted` accepts arrive at the receiver.
    ///
    /// # Errors
    /// When the directory cannot be used, or no port is free.
    pub async fn serve(
        root: &Path,
        is_wanted: fn(&str) -> bool,
    ) -> Result<(Self, UnboundedReceiver<ObjectWritten>), BucketError> {
        Self::serve_with(Arc::new(Directory::open(root)?), is_wanted, Signed).await
    }

    /// As [`LocalBucket::serve`], for a directory that is open already. `access` is called before each request and can
    /// refuse it.
    ///
    /// # Errors
    /// When the journal cannot be read, or no port is free.
    pub async fn serve_with(
        directory: Arc<Directory>,
        is_wanted: fn(&str) -> bool,
        access: impl S3Access,
    ) -> Result<(Self, UnboundedReceiver<ObjectWritten>), BucketError> {
        let (journal, events) = Journal::open(Arc::clone(directory.tree()), is_wanted)?;
        let journal = Arc::new(journal);
        let service = Service {
            directory,
            journal: Arc::clone(&journal),
        };
        let (access_key, secret_key) = (Uuid::new_v4().simple().to_string(), Uuid::new_v4().simple().to_string());
        let mut builder = S3ServiceBuilder::new(service);
        builder.set_auth(SimpleAuth::from_single(access_key.as_str(), secret_key.as_str()));
        builder.set_access(access);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let closing = Arc::new(Notify::new());
        let server = tokio::spawn(accept(listener, builder.build(), Arc::clone(&closing)));
        let bucket = Self {
            endpoint,
            access_key,
            secret_key,
            journal,
            closing,
            server,
        };
        Ok((bucket, events))
    }

    /// The configuration of AWS clients for this bucket.
    pub fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new(&self.access_key, &self.secret_key, None, None, "local bucket");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .endpoint_url(&self.endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build()
    }

    /// The environment variables by which AWS's own clients find this bucket.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", self.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key.clone()),
        ]
    }

    /// Stops the server. Afterwards the directory can be opened again, in this process too.
    pub async fn close(mut self) {
        self.closing.notify_one();
        if let Err(error) = (&mut self.server).await {
            tracing::error!(%error, "the local bucket's server failed");
        }
    }
}

async fn accept(listener: TcpListener, service: S3Service, closing: Arc<Notify>) {
    let mut connections = JoinSet::new();
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.notified() => break,
        };
        // Frees the connections that have ended.
        while connections.try_join_next().is_some() {}
        match socket {
            Ok((socket, _)) => drop(connections.spawn(serve_connection(socket, service.clone()))),
            Err(error) => tracing::warn!(%error, "the local bucket cannot accept a connection"),
        }
    }
    connections.shutdown().await;
}

async fn serve_connection(socket: TcpStream, service: S3Service) {
    let served = auto::Builder::new(TokioExecutor::new())
        .http1_only()
        .serve_connection(TokioIo::new(socket), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(error, "a client of the local bucket disconnected");
    }
}

impl Drop for LocalBucket {
    fn drop(&mut self) {
        self.server.abort();
    }
}
