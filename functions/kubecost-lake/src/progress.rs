//! A progress bar of days, on a terminal only. Elsewhere the log shows the progress.

use std::{io::IsTerminal, sync::OnceLock, time::Duration};

use contract::{day::Day, documents::PlannedDay};
use exporter::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the bar is redrawn, so that the user sees that the program is running.
const TICK: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub struct DayBar {
    cluster: String,
    bar: OnceLock<ProgressBar>,
}

impl DayBar {
    pub fn new(cluster: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            bar: OnceLock::new(),
        }
    }
}

impl Progress for DayBar {
    fn planned(&self, days: &[PlannedDay]) {
        if days.is_empty() || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(days.len() as u64), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} days  {msg}  {elapsed}");
        bar.set_style(
            style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> "),
        );
        bar.set_prefix(self.cluster.clone());
        bar.enable_steady_tick(TICK);
        // Called once for each run.
        let _ = self.bar.set(bar);
    }

    fn started(&self, day: Day) {
        if let Some(bar) = self.bar.get() {
            bar.set_message(day.to_string());
        }
    }

    fn finished(&self, _day: Day) {
        if let Some(bar) = self.bar.get() {
            bar.inc(1);
        }
    }
}

impl Drop for DayBar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
