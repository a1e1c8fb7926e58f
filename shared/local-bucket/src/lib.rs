//! An S3 server over a directory, in this process: the real client reaches it over HTTP, and whoever wants to know is
//! told of what is written.
#![deny(missing_docs)]

use std::{io, path::Path, sync::Arc};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use s3s::{
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
pub mod journal;
mod service;

use directory::{Directory, DirectoryError, HIDDEN};
use journal::{Journal, ObjectWritten};
use service::Service;

/// The bucket's name; the directory has no other.
pub const BUCKET_NAME: &str = "kubecost-lake";
/// The region in events and signatures.
pub const REGION: &str = "us-east-1";

/// The server.
#[derive(Debug)]
pub struct LocalBucket {
    /// Where it listens: `http://127.0.0.1:<port>`.
    pub endpoint: String,
    /// The access key that it takes, made up at the start: other people of this machine may reach the port.
    pub access_key: String,
    /// The secret to it.
    pub secret_key: String,
    /// The events that are still to be handled.
    pub journal: Arc<Journal>,
    closing: Arc<Notify>,
    server: JoinHandle<()>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The journal or the port.
    #[error("the bucket cannot be served: {0}")]
    Io(#[from] io::Error),
}

impl LocalBucket {
    /// Serves a directory, made if need be, until the value is dropped. Writes to keys that `is_wanted` arrive at the
    /// receiver.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub async fn serve(
        root: &Path,
        is_wanted: fn(&str) -> bool,
    ) -> Result<(Self, UnboundedReceiver<ObjectWritten>), BucketError> {
        let directory = Directory::open(root)?;
        let (journal, events) = Journal::open(&root.join(HIDDEN).join("events"), is_wanted)?;
        let journal = Arc::new(journal);
        let service = Service {
            directory: Arc::new(directory),
            journal: Arc::clone(&journal),
        };
        let (access_key, secret_key) = (Uuid::new_v4().simple().to_string(), Uuid::new_v4().simple().to_string());
        let mut builder = S3ServiceBuilder::new(service);
        builder.set_auth(SimpleAuth::from_single(access_key.as_str(), secret_key.as_str()));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let closing = Arc::new(Notify::new());
        let server = tokio::spawn({
            let closing = Arc::clone(&closing);
            async move {
                let mut connections = JoinSet::new();
                loop {
                    let socket = tokio::select! {
                        accepted = listener.accept() => accepted,
                        () = closing.notified() => break,
                    };
                    // Those that have ended are forgotten.
                    while connections.try_join_next().is_some() {}
                    match socket {
                        Ok((socket, _)) => drop(connections.spawn(answer(socket, service.clone()))),
                        Err(error) => tracing::warn!(%error, "the bucket cannot take a connection"),
                    }
                }
                connections.shutdown().await;
            }
        });
        Ok((
            Self {
                endpoint,
                access_key,
                secret_key,
                journal,
                closing,
                server,
            },
            events,
        ))
    }

    /// What a client of AWS needs to reach it.
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
}

impl LocalBucket {
    /// Ends the server. Afterwards the directory is free, for another host of this process too.
    pub async fn close(mut self) {
        self.closing.notify_one();
        if let Err(error) = (&mut self.server).await {
            tracing::error!(%error, "the bucket's server broke");
        }
    }
}

/// Answers the requests of one connection.
async fn answer(socket: TcpStream, service: S3Service) {
    let served = auto::Builder::new(TokioExecutor::new())
        .http1_only()
        .serve_connection(TokioIo::new(socket), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(error, "a client of the bucket went away");
    }
}

impl Drop for LocalBucket {
    fn drop(&mut self) {
        self.server.abort();
    }
}
