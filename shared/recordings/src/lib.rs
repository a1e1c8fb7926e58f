//! Responses of Kubecost and OpenCost: recorded ones below `kubecost` and `opencost`, written ones below `shapes`,
//! responses that go wrong below `cases`, and what they must lead to in the tests of the local host. Tests read any of
//! them by path; the simulator embeds two.
#![deny(missing_docs)]

use std::path::{Path, PathBuf};

/// A day of OpenCost's allocations: one row for each container, no idle rows.
pub const OPENCOST_ALLOCATION: &str = include_str!("../opencost/alloc_default_1day.json");
/// The assets of the same day.
pub const OPENCOST_ASSETS: &str = include_str!("../opencost/assets_1day.json");

/// Where the recording with a path such as `kubecost/kubecost_allocation_1day.json` is on this machine. Only for tests:
/// the sources must be there.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Reads a recording by its path.
///
/// # Panics
/// When there is no such recording, or when it is not UTF-8.
#[expect(clippy::panic, reason = "for tests, where a panic is a failed test")]
pub fn read(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
