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

/// All JSON texts below this directory, by their paths, in the order of these. Only for tests.
///
/// # Panics
/// When one of them cannot be read.
#[expect(clippy::panic, reason = "for tests, where a panic is a failed test")]
pub fn all() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["cases", "kubecost", "opencost", "opencost-2", "shapes"] {
        let entries = std::fs::read_dir(path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let names = names.filter(|name| name.ends_with(".json"));
        found.extend(names.map(|name| format!("{folder}/{name}")));
    }
    found.sort();
    let read = |name: String| {
        let text = read(&name);
        (name, text)
    };
    found.into_iter().map(read).collect()
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
