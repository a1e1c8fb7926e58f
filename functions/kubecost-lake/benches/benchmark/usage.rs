//! What a process used.

use std::{fs, io};

use serde::{Deserialize, Serialize};

/// The result of a part's process.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Raw JSON that was read.
    pub(crate) raw_bytes: u64,
    /// Rows; of the audit: days.
    pub(crate) rows: u64,
    /// What was written.
    pub(crate) written_bytes: u64,
    /// User and system time.
    pub(crate) cpu_seconds: f64,
    pub(crate) wall_seconds: f64,
    /// Peak memory of the process.
    pub(crate) peak_bytes: u64,
}

impl Measured {
    pub(crate) fn megabytes(&self) -> f64 {
        self.raw_bytes as f64 / 1e6
    }

    pub(crate) fn speed(&self) -> f64 {
        self.megabytes() / self.cpu_seconds.max(0.01)
    }

    pub(crate) fn mebibytes(&self) -> f64 {
        self.peak_bytes as f64 / f64::from(1 << 20)
    }

    /// Adds this process's usage, from `/proc`: the peak of `getrusage` begins with the parent's memory.
    pub(crate) fn with_usage(mut self) -> io::Result<Self> {
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = fs::read_to_string("/proc/self/stat")?;
        // The program's name, in parentheses, may contain spaces. User and system time are fields 12 and 13 after it.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |index: usize| {
            fields
                .get(index)
                .and_then(|field| field.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        self.cpu_seconds = (ticks(11) + ticks(12)) / TICKS_PER_SECOND;
        let status = fs::read_to_string("/proc/self/status")?;
        let peak = status.lines().find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .trim()
                .strip_suffix(" kB")?
                .parse::<u64>()
                .ok()
        });
        self.peak_bytes = peak.unwrap_or(0) * 1024;
        Ok(self)
    }
}
