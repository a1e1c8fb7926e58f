//! Builds the audit's report, and emits its numbers as metrics.

use chrono::{DateTime, Utc};
use contract::{
    audit::{AuditReport, AuditedCluster, Finding, PartialDay},
    clock::Clock,
    cluster::ClusterId,
    day::Day,
};
use lambda::metrics::{self, MetricSink};

/// Nothing found yet.
pub(crate) fn no_finding(cluster: &ClusterId) -> Finding {
    let cluster = cluster.arn_or_id();
    Finding {
        audited: AuditedCluster {
            cluster: cluster.clone(),
            ..AuditedCluster::default()
        },
        cluster,
        ..Finding::default()
    }
}

fn has_findings(finding: &Finding) -> bool {
    let nothing = Finding {
        cluster: finding.cluster.clone(),
        newest_inventory: finding.newest_inventory,
        audited: finding.audited.clone(),
        ..Finding::default()
    };
    *finding != nothing
}

/// A report without any clusters yet.
pub(crate) fn begin(now: DateTime<Utc>, period_days: u32) -> AuditReport {
    AuditReport {
        created_at: now,
        period_days,
        ..AuditReport::default()
    }
}

/// Adds what was found in a cluster.
pub(crate) fn add(report: &mut AuditReport, mut finding: Finding) {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    // All clusters of a source have the same.
    report.unlisted_clusters.extend(std::mem::take(&mut finding.unlisted));
    if finding.retired {
        report.retired_clusters += 1;
        report.retired.push(finding.cluster);
        return;
    }
    report.clusters += 1;
    report.audited.push(finding.audited.clone());
    report.gap_days += count(finding.gaps.len());
    for gap in &finding.gaps {
        let age = (Day::of(report.created_at).date() - gap.date.date()).num_days();
        report.oldest_gap_days = report.oldest_gap_days.max(u64::try_from(age).unwrap_or(0));
    }
    report.uncollected_days += count(finding.uncollected.len());
    report.lost_days += count(finding.lost.iter().filter(|lost| lost.new).count());
    let may_improve = |partial: &&PartialDay| partial.day.collected_again && !partial.confirmed;
    report.partial_days += count(finding.partial.iter().filter(may_improve).count());
    report.thinner_sets += count(finding.thinner.iter().filter(|set| set.day.collected_again).count());
    report.assets_unavailable_days += count(
        finding
            .assets_unavailable
            .iter()
            .filter(|day| day.collected_again)
            .count(),
    );
    report.assets_missing_days += count(finding.assets_missing.len());
    report.computed_totals += finding.computed_totals.iter().map(|day| day.rows).sum::<u64>();
    report.silent_clusters += u64::from(finding.silent);
    report.newly_silent_clusters += u64::from(finding.newly_silent);
    report.failing_clusters += u64::from(finding.failing.is_some());
    report.newly_failing_clusters += u64::from(finding.newly_failing);
    report.stuck_sets += count(finding.stuck.len());
    report.redelivered_sets += count(finding.stuck.iter().filter(|set| set.redelivered).count());
    report.quarantined_sets += count(finding.quarantined.len());
    report.refused_documents += u64::from(finding.refused.is_some());
    report.failed_clusters += u64::from(finding.failed.is_some());
    if has_findings(&finding) {
        report.findings.push(finding);
    }
}

/// Emits the report's numbers as metrics.
pub(crate) fn emit(report: &AuditReport, bucket: &str, sink: &dyn MetricSink, clock: &dyn Clock) {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let number = |count: u64| count as f64;
    let metrics = [
        ("GapDays", number(report.gap_days)),
        ("OldestGapDays", number(report.oldest_gap_days)),
        ("UncollectedDays", number(report.uncollected_days)),
        ("LostDays", number(report.lost_days)),
        ("PartialDays", number(report.partial_days)),
        ("ThinnerSets", number(report.thinner_sets)),
        ("AssetsUnavailableDays", number(report.assets_unavailable_days)),
        ("AssetsMissingDays", number(report.assets_missing_days)),
        ("ComputedTotals", number(report.computed_totals)),
        ("NewlySilentClusters", number(report.newly_silent_clusters)),
        ("SilentClusters", number(report.silent_clusters)),
        ("NewlyFailingClusters", number(report.newly_failing_clusters)),
        ("FailingClusters", number(report.failing_clusters)),
        ("StuckSets", number(report.stuck_sets)),
        ("QuarantinedSets", number(report.quarantined_sets)),
        (
            "UnlistedClusters",
            number(u64::try_from(report.unlisted_clusters.len()).unwrap_or(u64::MAX)),
        ),
        ("RefusedDocuments", number(report.refused_documents)),
        ("FailedClusters", number(report.failed_clusters)),
        ("Clusters", number(report.clusters)),
    ];
    sink.take(&metrics::line("backfill", bucket, &metrics, clock));
}
