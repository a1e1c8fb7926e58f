//! Progress bars, on a terminal only. Elsewhere the log shows the progress.

use std::{io::IsTerminal, sync::OnceLock, time::Duration};

use contract::{day::Day, documents::PlannedDay};
use exporter::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the bar is redrawn, so that the user sees that the program is running.
const TICK: Duration = Duration::from_millis(200);

/// A bar that counts objects or days.
#[derive(Debug)]
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar of `all` things, named `unit` in the plural. It is cleared when it is dropped.
    pub fn new(what: impl Into<String>, unit: &str, all: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(Some(all as u64), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(&format!(
            "{{prefix}} [{{bar:30}}] {{pos}}/{{len}} {unit}  {{msg}}  {{elapsed}}"
        ));
        bar.set_style(
            style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> "),
        );
        bar.set_prefix(what.into());
        bar.enable_steady_tick(TICK);
        Self(Some(bar))
    }

    /// Says what is being done.
    pub fn message(&self, text: impl Into<String>) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.into());
        }
    }

    /// One more is done.
    pub fn advance(&self) {
        if let Some(bar) = &self.0 {
            bar.inc(1);
        }
    }

    /// So many of all are done.
    pub fn set(&self, done: usize, all: usize) {
        if let Some(bar) = &self.0 {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// The bar of a cluster's days.
#[derive(Debug)]
pub struct DayBar {
    cluster: String,
    bar: OnceLock<Bar>,
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
        if !days.is_empty() {
            // Called once for each run.
            let _ = self.bar.set(Bar::new(&self.cluster, "days", days.len()));
        }
    }

    fn started(&self, day: Day) {
        if let Some(bar) = self.bar.get() {
            bar.message(day.to_string());
        }
    }

    fn finished(&self, _day: Day) {
        if let Some(bar) = self.bar.get() {
            bar.advance();
        }
    }
}
