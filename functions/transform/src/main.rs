//! The transform function's Lambda bootstrap.

use std::sync::Arc;

use contract::clock::SystemClock;
use lambda::{BoxError, logs, metrics::StandardOutput};
use store::{Store, session};
use transform::{Settings, Transform};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    logs::start_json();
    let settings = Settings::from_environment()?;
    let client = session::s3_client(&session::from_environment().await);
    let store = Store::new(client, &settings.bucket).with_kms_key(settings.kms_key.clone());
    lambda::serve(Transform::new(
        settings,
        store,
        Arc::new(SystemClock),
        Arc::new(StandardOutput),
    ))
    .await
}
