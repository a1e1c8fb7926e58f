//! The crawler function's Lambda bootstrap.

use std::sync::Arc;

use contract::clock::SystemClock;
use crawler::{Catalogs, Crawler, glue::GlueCatalog, settings::Settings};
use lambda::BoxError;
use settings::logs;
use store::{Store, session};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let settings = logs::start_and_read(Settings::read)?;
    let config = session::from_environment().await;
    let store = Store::new(session::s3_client(&config), &settings.bucket);
    let glue = aws_sdk_glue::Client::new(&config);
    let catalog = |table: &str| Arc::new(GlueCatalog::new(glue.clone(), &settings.database, table));
    let catalogs = Catalogs {
        lake: catalog(&settings.table),
        assets: catalog(&settings.assets_table),
    };
    lambda::serve(Crawler::new(settings, store, catalogs, Arc::new(SystemClock))).await
}
