//! `exporter check`: whether a run with these settings can work, one line for each part, and what to do if it cannot.

use std::fmt;

use contract::clock::Clock;
use settings::secrets::mask;
use store::session;

use crate::{certificate, settings::Settings};

mod aws;
mod source;

/// What was found of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part: `dns`, `source`, `write` …
    pub part: String,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It works; what was found.
    Ok(String),
    /// It does not work; why, and what to do.
    Failed(String),
    /// It cannot be found out; why.
    Unknown(String),
}

/// Formats as one line, without secrets.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, text) = match &self.outcome {
            Outcome::Ok(text) => ("ok", text),
            Outcome::Failed(text) => ("failed", text),
            Outcome::Unknown(text) => ("unknown", text),
        };
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(formatter, "{word:7} {}: {}", self.part, mask(&line))
    }
}

/// Where findings go, one by one: a check that is ended early has said what it found.
pub(crate) struct Findings<'a> {
    show: &'a mut dyn FnMut(&Finding),
    failed: bool,
}

impl Findings<'_> {
    fn add(&mut self, part: &str, outcome: Outcome) {
        self.failed |= matches!(outcome, Outcome::Failed(_));
        (self.show)(&Finding {
            part: part.to_owned(),
            outcome,
        });
    }

    fn ok(&mut self, part: &str, text: impl Into<String>) {
        self.add(part, Outcome::Ok(text.into()));
    }

    fn failed(&mut self, part: &str, text: impl Into<String>) {
        self.add(part, Outcome::Failed(text.into()));
    }

    fn unknown(&mut self, parts: &[&str], text: &str) {
        for part in parts {
            self.add(part, Outcome::Unknown(text.to_owned()));
        }
    }
}

/// Checks everything that a run needs, and shows each finding. Whether nothing failed.
pub async fn run(mut settings: Settings, clock: &dyn Clock, show: &mut dyn FnMut(&Finding)) -> bool {
    let mut findings = Findings { show, failed: false };
    // A person waits for it: one more attempt is for a connection that broke.
    settings.source.retries = settings.source.retries.min(1);
    if settings.warnings.is_empty() {
        findings.ok("settings", "all are valid");
    } else {
        findings.ok("settings", format!("all are valid; {}", settings.warnings.join("; ")));
    }
    let config = aws::identity(&mut findings, &settings, session::from_environment().await).await;
    if let Some(config) = &config {
        aws::bucket(&mut findings, &settings, config, clock.now()).await;
    } else {
        findings.unknown(&["write", "plan"], "there is no identity to access the bucket with");
    }
    match certificate::load(&settings.source.ca_certificate, async || match config {
        Some(config) => config,
        None => session::from_environment().await,
    })
    .await
    {
        Ok(private_ca) => source::all(&mut findings, &settings, private_ca.as_deref(), clock.now()).await,
        Err(error) => {
            findings.failed("certificate", error.to_string());
            findings.unknown(&["source"], "the certificate of its private CA cannot be read");
        }
    }
    !findings.failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_without_secrets() {
        settings::secrets::register("s3cret-token");
        let finding = Finding {
            part: "source".to_owned(),
            outcome: Outcome::Failed("no\n  s3cret-token here".to_owned()),
        };
        assert_eq!(finding.to_string(), "failed  source: no *** here");
    }
}
