//! The transform function's Lambda bootstrap.

use std::sync::Arc;

use contract::clock::SystemClock;
use lambda::BoxError;
use settings::logs;
use store::{Store, session};
use transform::{Settings, Transform};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let settings = logs::start_and_read(Settings::read)?;
    let client = session::s3_client(&session::from_environment().await);
    let store = Store::new(client, &settings.bucket).with_kms_key(settings.kms_key.clone());
    lambda::serve(Transform::new(settings, store, Arc::new(SystemClock))).await
}
