//! Other engines that convert the same response, in Python: without the nodes, and without any check.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{AnyError, usage::Measured};

/// The scripts below `benches/engines`.
pub(crate) const NAMES: [&str; 3] = ["duckdb", "chdb", "pandas"];

/// Converts a response with an engine.
pub(crate) fn measure(python: &str, engine: &str, allocation: &Path, directory: &Path) -> Result<Measured, AnyError> {
    let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/engines");
    let out = directory.join(format!("{engine}.parquet"));
    let done = Command::new(python)
        .arg(scripts.join("measured.py"))
        .arg(scripts.join(format!("with_{engine}.py")))
        .args([allocation, &out])
        .stderr(Stdio::inherit())
        .output()?;
    if !done.status.success() {
        return Err(
            format!("{engine} failed; see above. benches/engines/install.sh prints the Python that has it").into(),
        );
    }
    let mut measured: Measured = serde_json::from_slice(&done.stdout)?;
    measured.raw_bytes = std::fs::metadata(allocation)?.len();
    measured.written_bytes = std::fs::metadata(out)?.len();
    Ok(measured)
}
