//! Metrics in CloudWatch's [embedded metric
//! format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html):
//! a JSON line on standard output, which CloudWatch Logs turns into metrics without any call or permission.

use std::io::Write;

use contract::clock::Clock;
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "KubecostLake";

/// The line that gives CloudWatch some metrics, each a count, of the dimensions `Bucket` and `Function`: an account and
/// region may have several lakes. There is no dimension for the cluster: it would cost for each cluster.
pub fn line(function: &str, bucket: &str, metrics: &[(&str, f64)], clock: &dyn Clock) -> Value {
    let definitions: Vec<Value> = metrics
        .iter()
        .map(|(name, _)| json!({ "Name": name, "Unit": "Count" }))
        .collect();
    let mut fields = Map::new();
    fields.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": clock.now().timestamp_millis(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["Bucket", "Function"]],
                "Metrics": definitions,
            }],
        }),
    );
    fields.insert("Bucket".to_owned(), bucket.into());
    fields.insert("Function".to_owned(), function.into());
    for (name, value) in metrics {
        fields.insert((*name).to_owned(), (*value).into());
    }
    Value::Object(fields)
}

/// Where metrics go: a value of its own, so that the local host and tests keep them off standard output.
pub trait MetricSink: Send + Sync {
    /// Takes a line made by [`line`].
    fn take(&self, line: &Value);
}

/// Standard output: what Lambda sends to CloudWatch Logs.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandardOutput;

impl MetricSink for StandardOutput {
    fn take(&self, line: &Value) {
        let written = writeln!(std::io::stdout().lock(), "{line}");
        if let Err(error) = written {
            tracing::warn!(%error, "a metric could not be written");
        }
    }
}

/// Nowhere but the log, at debug level.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogOnly;

impl MetricSink for LogOnly {
    fn take(&self, line: &Value) {
        tracing::debug!(%line, "metrics");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::clock::FixedClock;

    #[test]
    fn a_line_follows_the_specification() {
        let clock = FixedClock("2026-11-24T05:00:00Z".parse().unwrap());
        let line = line("backfill", "finops-lake", &[("GapDays", 3.0)], &clock);
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 1_795_496_400_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "KubecostLake",
                        "Dimensions": [["Bucket", "Function"]],
                        "Metrics": [{ "Name": "GapDays", "Unit": "Count" }],
                    }],
                },
                "Bucket": "finops-lake",
                "Function": "backfill",
                "GapDays": 3.0,
            })
        );
    }
}
