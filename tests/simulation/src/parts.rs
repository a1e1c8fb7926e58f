//! What all parts of a scenario use, and how long it lasts.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use s3s::service::S3Service;
use store::Store;

use crate::{
    bucket::Bucket,
    judge::Judge,
    network::Network,
    world::{Fault, World},
};

pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const FAULTY_DAYS: u32 = 10;
pub(crate) const QUIET_DAYS: u32 = 2;

/// The world, the bucket and who judges them.
pub(crate) struct Parts {
    pub(crate) world: World,
    pub(crate) bucket: Bucket,
    pub(crate) judge: Arc<Judge>,
    pub(crate) service: S3Service,
    pub(crate) part_bytes: usize,
}

impl Parts {
    pub(crate) fn store(&self, sender: &str) -> Store {
        Network::new(&self.world, &self.service, sender).store(self.part_bytes)
    }

    /// Runs a part of the simulation beside the others. Nothing may panic.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let world = self.world.clone();
        tokio::task::spawn_local(AssertUnwindSafe(work).catch_unwind().map(move |ended| {
            if ended.is_err() {
                world.violation("a program panicked".to_owned());
            }
        }));
    }

    pub(crate) fn delete_an_object(&self) {
        let table = ["lake/", "assets/"][self.world.below(2)];
        let objects = self.bucket.below(table);
        if let Some((key, _)) = objects.get(self.world.below(objects.len())) {
            self.world.note(format!("somebody deletes {key}"));
            self.judge.deletes(key);
        }
    }

    /// Changes when an audit may have seen something else than the judge sees after it.
    pub(crate) fn state(&self) -> (u64, Vec<String>) {
        let lake = self.bucket.below("lake/").into_iter();
        let versions = lake.map(|(key, stored)| format!("{key} {}", stored.etag));
        (self.world.injected(Fault::S3BadRead), versions.collect())
    }
}
