//! All settings of all programs. Each default and each range stands here and nowhere else in the code.

use contract::keys::Area;

use crate::row::{Setting, Values};

/// The bucket of the lake.
pub static BUCKET: Setting = Setting::new("S3_BUCKET_NAME", "The bucket of the lake. Required")
    .flag("bucket", "NAME")
    .values(Values::Form);

/// The region of the bucket.
pub static BUCKET_REGION: Setting = Setting::new("S3_BUCKET_REGION", "The region of that bucket")
    .flag("bucket-region", "REGION")
    .otherwise("the process's region")
    .values(Values::Form);

/// The cluster whose costs are collected.
pub static CLUSTER: Setting = Setting::new(
    "CLUSTER_ID",
    "The EKS cluster's ARN: arn:aws:eks:<region>:<account>:cluster/<name>. Required, unless a list of clusters is set",
)
.flag("cluster", "ARN")
.values(Values::Form);

/// The clusters of a source that has many.
pub static SOURCE_CLUSTERS: Setting = Setting::new(
    "SOURCE_CLUSTERS",
    "The clusters of a source that many clusters send their costs to, comma separated: <id at the source>=<ARN>. Instead of CLUSTER_ID",
)
.flag("source-clusters", "LIST")
.values(Values::Form);

/// More of them, in a file.
pub static SOURCE_CLUSTERS_FILE: Setting = Setting::new(
    "SOURCE_CLUSTERS_FILE",
    "A file with such clusters, one <id at the source>=<ARN> a line. Lines that begin with # are comments",
)
.flag("source-clusters-file", "PATH")
.values(Values::Form);

/// The role that writes to the bucket.
pub static PARENT_ROLE: Setting = Setting::new(
    "IRSA_PARENT_IAM_ROLE_ARN",
    "The role in the lake's account to assume (role chaining). Without it the pod's own role writes to the bucket",
)
.flag("parent-role", "ARN")
.values(Values::Form);

/// The account that owns the bucket.
pub static BUCKET_OWNER: Setting = Setting::new(
    "S3_BUCKET_OWNER",
    "The account that must own the bucket; S3 refuses uploads to a bucket of another account",
)
.flag("bucket-owner", "ACCOUNT")
.values(Values::Form);

/// The key that objects are encrypted with.
pub static KMS_KEY: Setting = Setting::new("KMS_KEY_ARN", "The KMS key that objects are encrypted with")
    .flag("kms-key", "ARN")
    .otherwise("the bucket's default")
    .values(Values::Form);

const fn prefix(area: Area, help: &'static str) -> Setting {
    Setting::new(area.setting(), help)
        .default(area.default_prefix())
        .values(Values::Form)
}

/// The prefix of staged responses.
pub static STAGING_PREFIX: Setting =
    prefix(Area::Staging, "The prefix of raw responses").flag("staging-prefix", "PREFIX");

/// The prefix of plans.
pub static PLANS_PREFIX: Setting = prefix(Area::Plans, "The prefix of plans").flag("plans-prefix", "PREFIX");

/// The prefix of the table of allocations.
pub static LAKE_PREFIX: Setting = prefix(Area::Lake, "The prefix of the table").flag("lake-prefix", "PREFIX");

/// The prefix of the table of assets.
pub static ASSETS_PREFIX: Setting =
    prefix(Area::Assets, "The prefix of the table of assets").flag("assets-prefix", "PREFIX");

/// The prefix of days that could not be converted.
pub static QUARANTINE_PREFIX: Setting = prefix(
    Area::Quarantine,
    "The prefix of the reasons why days could not be converted",
);

/// The prefix of the audit's reports.
pub static REPORTS_PREFIX: Setting = prefix(Area::Reports, "The prefix of the audit's reports");

/// How long the exporter waits for a plan.
pub static PLAN_WAIT: Setting = Setting::new(
    "PLAN_WAIT_SECONDS",
    "How long to wait for the backfill function's plan before collecting only the day of 72 to 48 hours ago",
)
.flag("plan-wait", "SECONDS")
.default("120")
.numbers(0, 3600);

/// How long a run of the exporter may take.
pub static RUN_DEADLINE: Setting = Setting::new(
    "RUN_DEADLINE_SECONDS",
    "How long a run may take: it then ends with a summary and exit status 3. 0 for no limit. The chart sets it to end before activeDeadlineSeconds",
)
.flag("run-deadline", "SECONDS")
.default("0")
.numbers(0, 604_800);

/// How far back gaps are searched.
pub static BACKFILL_PERIOD: Setting = Setting::new(
    "BACKFILL_PERIOD_DAYS",
    "How many days back to search for gaps: as many as the source keeps. `all`: all days that a Kubecost has. An OpenCost cannot be queried for them cheaply, and needs a number",
)
.flag("backfill-period-days", "DAYS")
.default("15")
.values(Values::WholeNumberOrAll {
    least: 3,
    most: MOST_BACKFILL_DAYS as u64,
});

/// How many days back gaps are searched at most, also where all days of a source are wanted.
pub const MOST_BACKFILL_DAYS: u32 = 366;

/// When a day is complete.
pub static SETTLE_HOURS: Setting =
    Setting::new("SETTLE_HOURS", "How many hours after its end a day counts as complete")
        .flag("settle-hours", "HOURS")
        .default("3")
        .numbers(0, 72);

/// The source's address.
pub static SOURCE_URL: Setting = Setting::new(
    "KUBECOST_API_ENDPOINT",
    "The address of Kubecost or OpenCost, without /model or /allocation",
)
.flag("source", "URL")
.default("http://kubecost-cost-analyzer.kubecost:9090")
.values(Values::Form);

/// Which source it is.
pub static SOURCE_KIND: Setting = Setting::new(
    "SOURCE_KIND",
    "Whether the source is Kubecost or OpenCost; auto detects it",
)
.flag("source-kind", "KIND")
.default("auto")
.values(Values::Words(&["auto", "kubecost", "opencost"]));

/// What a row is.
pub static AGGREGATION: Setting = Setting::new("AGGREGATION", "What a row is")
    .flag("aggregation", "WHAT")
    .default("container")
    .values(Values::Words(&[
        "container",
        "pod",
        "namespace",
        "controller",
        "controllerKind",
        "node",
        "cluster",
    ]));

/// A filter of allocations.
pub static SOURCE_FILTER: Setting = Setting::new(
    "SOURCE_FILTER",
    "A filter that the source applies to allocations, such as cluster:\"cluster-one\" where one Kubecost aggregates many clusters",
)
.flag("source-filter", "FILTER");

/// The ids of the cluster at the source.
pub static SOURCE_CLUSTER_IDS: Setting = Setting::new(
    "SOURCE_CLUSTER_IDS",
    "The ids that this cluster has at the source, comma separated. Rows of others are refused. Without it, rows of any one cluster are accepted, or those that SOURCE_FILTER names",
)
.flag("source-cluster-ids", "IDS");

/// Whether idle costs are asked for.
pub static SOURCE_IDLE: Setting = Setting::new(
    "SOURCE_IDLE",
    "Whether to query idle costs. For sources that cannot compute them",
)
.flag("source-idle", "YES_OR_NO")
.default("yes")
.values(Values::YesOrNo);

/// The currency of the source's costs.
pub static SOURCE_CURRENCY: Setting = Setting::new(
    "SOURCE_CURRENCY",
    "The currency of the costs as a code of ISO 4217, such as EUR. For sources that do not report it, such as OpenCost. A code that contradicts the source fails the run",
)
.flag("source-currency", "CODE")
.otherwise("what the source reports, else USD")
.values(Values::Form);

/// Rows for each request.
pub static PAGE_SIZE: Setting = Setting::new(
    "PAGE_SIZE",
    "Rows to request from Kubecost at a time; 0 requests a whole day. For days on which a proxy in front of it returns 504",
)
.flag("page-size", "ROWS")
.default("0")
.numbers(0, 1_000_000);

/// Days collected at the same time.
pub static SOURCE_CONCURRENCY: Setting = Setting::new(
    "SOURCE_CONCURRENCY",
    "Days to collect at the same time. Kubecost is easily overloaded",
)
.flag("source-concurrency", "DAYS")
.default("1")
.numbers(1, 16);

/// How long a connection may take.
pub static CONNECTION_TIMEOUT: Setting =
    Setting::new("CONNECTION_TIMEOUT", "How long connecting to the source may take")
        .flag("connection-timeout", "SECONDS")
        .default("10")
        .values(Values::Seconds);

/// The read timeout of allocations.
pub static ALLOCATION_READ_TIMEOUT: Setting = Setting::new(
    "KUBECOST_ALLOCATION_API_READ_TIMEOUT",
    "How long the source may send nothing while it computes or sends allocations",
)
.flag("allocation-read-timeout", "SECONDS")
.default("300")
.values(Values::Seconds);

/// The read timeout of assets.
pub static ASSETS_READ_TIMEOUT: Setting = Setting::new(
    "KUBECOST_ASSETS_API_READ_TIMEOUT",
    "How long the source may send nothing while it computes or sends assets",
)
.flag("assets-read-timeout", "SECONDS")
.default("120")
.values(Values::Seconds);

/// Retries of a request.
pub static RETRIES: Setting = Setting::new(
    "RETRIES",
    "How often to retry a request after a transient error: no connection, an incomplete response, 429, 5xx. The waits of 6 retries add up to three minutes",
)
.flag("retries", "TIMES")
.default("6")
.numbers(0, 20);

/// Whether certificates are verified.
pub static TLS_VERIFY: Setting = Setting::new("TLS_VERIFY", "Whether to verify the source's certificate")
    .flag("tls-verify", "YES_OR_NO")
    .default("yes")
    .values(Values::YesOrNo);

/// The private CA as a file.
pub static CA_FILE: Setting = Setting::new(
    "CA_CERTIFICATE_FILE",
    "A PEM file of the private CA that signed the source's certificate",
)
.flag("ca-certificate-file", "PATH");

/// The private CA as a secret.
pub static CA_SECRET: Setting = Setting::new(
    "KUBECOST_CA_CERTIFICATE_SECRET_NAME",
    "The private CA's certificate as a secret in AWS Secrets Manager",
)
.flag("ca-certificate-secret", "NAME");

/// The region of that secret.
pub static CA_SECRET_REGION: Setting =
    Setting::new("KUBECOST_CA_CERTIFICATE_SECRET_REGION", "The region of that secret")
        .flag("ca-certificate-secret-region", "REGION")
        .otherwise("the process's region")
        .values(Values::Form);

/// How to authenticate to the source.
pub static AUTHENTICATION: Setting = Setting::new("SOURCE_AUTHENTICATION", "How to authenticate to the source")
    .flag("source-authentication", "HOW")
    .default("none")
    .values(Values::Words(&["none", "bearer", "basic", "x-api-key"]));

/// The secret to authenticate with.
pub static AUTHENTICATION_FILE: Setting = Setting::new(
    "SOURCE_AUTHENTICATION_FILE",
    "A file with the token, with user:password, or with the key; read again for each request",
)
.flag("source-authentication-file", "PATH");

/// Labels that are removed.
pub static REDACTED_LABELS: Setting = Setting::new(
    "REDACTED_LABELS",
    "Keys of labels that must not leave the cluster, comma separated; `*` at the end stands for any end. They are removed from all responses before they are stored",
)
.flag("redacted-labels", "KEYS")
.values(Values::Form);

/// Annotations that are removed.
pub static REDACTED_ANNOTATIONS: Setting = Setting::new(
    "REDACTED_ANNOTATIONS",
    "Keys of annotations that must not leave the cluster, as REDACTED_LABELS. A list of your own replaces the default",
)
.flag("redacted-annotations", "KEYS")
.default("kubectl.kubernetes.io/last-applied-configuration")
.values(Values::Form);

/// Labels that are not removed.
pub static KEPT_LABELS: Setting = Setting::new(
    "KEPT_LABELS",
    "The only keys of labels that may leave the cluster, and those of nodes that columns are made of. Empty: all but REDACTED_LABELS",
)
.flag("kept-labels", "KEYS")
.values(Values::Form);

/// Annotations that are not removed.
pub static KEPT_ANNOTATIONS: Setting = Setting::new(
    "KEPT_ANNOTATIONS",
    "The only keys of annotations that may leave the cluster. Empty: all but REDACTED_ANNOTATIONS",
)
.flag("kept-annotations", "KEYS")
.values(Values::Form);

/// The level of the log.
pub static LOG_LEVEL: Setting = Setting::new(
    "LOG_LEVEL",
    "error, warn, info, debug or trace; also by module, as in info,transform=debug",
)
.flag("log-level", "LEVEL")
.default("info")
.values(Values::Form);

/// The format of the log.
pub static LOG_FORMAT: Setting = Setting::new("LOG_FORMAT", "The format of log lines")
    .flag("log-format", "FORMAT")
    .default("json")
    .values(Values::Words(&["json", "text"]));

/// Labels with columns.
pub static LABELS: Setting = Setting::new(
    "LABELS",
    "Keys of labels, as in Kubernetes and comma separated, that get a column of their own; the column 'labels' has all of them",
)
.flag("labels", "KEYS")
.values(Values::Form);

/// When a set is thinner.
pub static THINNER_TOLERANCE: Setting = Setting::new(
    "THINNER_TOLERANCE_PERCENT",
    "How much less of a day's minutes, core-hours or RAM byte-hours a set may hold than the best set of that day, and still replace it; 100 replaces in any case",
)
.flag("thinner-tolerance-percent", "PERCENT")
.default("10")
.numbers(0, 100);

/// Annotations with columns.
pub static ANNOTATIONS: Setting = Setting::new(
    "ANNOTATIONS",
    "Keys of annotations, comma separated, that get a column of their own; the column 'annotations' has all of them",
)
.flag("annotations", "KEYS")
.values(Values::Form);

/// Which days are collected again.
pub static RESTATE_AGE: Setting = Setting::new(
    "RESTATE_AGE_DAYS",
    "Days younger than this are collected again, since the source corrects their costs when it has the bill; 0 for never",
)
.default("3")
.numbers(0, 60);

/// How often they are.
pub static RESTATE_INTERVAL: Setting = Setting::new(
    "RESTATE_INTERVAL_HOURS",
    "How many hours have to pass before such a day is collected again",
)
.default("20")
.numbers(1, 720);

/// How long a set is on its way.
pub static IN_FLIGHT: Setting = Setting::new(
    "IN_FLIGHT_MINUTES",
    "A staged day younger than this may still be on its way into the lake and is not collected again",
)
.default("60")
.numbers(0, 1440);

/// How often work that changes nothing is repeated.
pub static RETRY_LIMIT: Setting = Setting::new(
    "RETRY_LIMIT",
    "How often a stuck set is redelivered before that happens once a day only, and after how many restatements in a row that change nothing they spread out",
)
.default("3")
.numbers(1, 100);

/// When a cluster is silent.
pub static SILENT_HOURS: Setting = Setting::new(
    "SILENT_HOURS",
    "The audit reports a cluster without an inventory for this many hours",
)
.default("36")
.numbers(1, 8760);

/// How far back the audit looks.
pub static AUDIT_PERIOD: Setting = Setting::new(
    "AUDIT_PERIOD_DAYS",
    "How many days back the audit looks, and further where a source has older days",
)
.default("30")
.numbers(1, 366);

/// Clusters audited at the same time.
pub static AUDIT_CONCURRENCY: Setting =
    Setting::new("AUDIT_CONCURRENCY", "How many clusters to audit at the same time")
        .default("16")
        .numbers(1, 256);

/// How partitions come into Glue.
pub static CATALOG_MODE: Setting = Setting::new(
    "CATALOG_MODE",
    "`crawler` creates partitions itself and starts the Glue crawler, `register` only creates them, `none` does neither",
)
.default("crawler")
.values(Values::Words(&["crawler", "register", "none"]));

/// The table's database.
pub static GLUE_DATABASE: Setting = Setting::new(
    "GLUE_DATABASE_NAME",
    "The Glue database of the table. Required unless CATALOG_MODE is none",
);

/// The table.
pub static GLUE_TABLE: Setting = Setting::new(
    "GLUE_TABLE_NAME",
    "The Glue table of the lake. Required unless CATALOG_MODE is none",
);

/// The table of assets.
pub static GLUE_ASSETS_TABLE: Setting =
    Setting::new("GLUE_ASSETS_TABLE_NAME", "The Glue table of the assets").otherwise("`GLUE_TABLE_NAME` and `_assets`");

/// The crawler.
pub static GLUE_CRAWLER: Setting = Setting::new(
    "GLUE_CRAWLER_NAME",
    "The Glue crawler to start. Required if CATALOG_MODE is crawler",
);

/// The directory of the local host.
pub static LAKE_DIRECTORY: Setting = Setting::new("LAKE_DIRECTORY", "The directory that stands for the bucket")
    .flag("lake", "DIR")
    .only_flag();

/// The first of a range of days.
pub static FROM: Setting = Setting::new("FROM", "The first day, as in 2026-11-20 (UTC)")
    .flag("from", "DATE")
    .only_flag()
    .values(Values::Form);

/// The last of a range of days.
pub static TO: Setting = Setting::new("TO", "The last day, included")
    .flag("to", "DATE")
    .only_flag()
    .values(Values::Form);

/// Settings that belong together, for the headings of a command line.
pub type Group = &'static [&'static Setting];

/// The exporter's: the lake.
pub const EXPORTER_LAKE: Group = &[
    &BUCKET,
    &BUCKET_REGION,
    &CLUSTER,
    &SOURCE_CLUSTERS,
    &SOURCE_CLUSTERS_FILE,
    &PARENT_ROLE,
    &BUCKET_OWNER,
    &KMS_KEY,
    &STAGING_PREFIX,
    &PLANS_PREFIX,
    &PLAN_WAIT,
    &RUN_DEADLINE,
];

/// The exporter's and the local host's: which days there are.
pub const PERIOD: Group = &[&BACKFILL_PERIOD, &SETTLE_HOURS];

/// The exporter's and the local host's: the source.
pub const SOURCE: Group = &[
    &SOURCE_URL,
    &SOURCE_KIND,
    &AGGREGATION,
    &SOURCE_FILTER,
    &SOURCE_CLUSTER_IDS,
    &SOURCE_IDLE,
    &SOURCE_CURRENCY,
    &PAGE_SIZE,
    &SOURCE_CONCURRENCY,
    &CONNECTION_TIMEOUT,
    &ALLOCATION_READ_TIMEOUT,
    &ASSETS_READ_TIMEOUT,
    &RETRIES,
    &TLS_VERIFY,
    &CA_FILE,
    &CA_SECRET,
    &CA_SECRET_REGION,
    &AUTHENTICATION,
    &AUTHENTICATION_FILE,
    &REDACTED_LABELS,
    &REDACTED_ANNOTATIONS,
    &KEPT_LABELS,
    &KEPT_ANNOTATIONS,
];

/// Those of all processes that log by settings.
pub const LOG: Group = &[&LOG_LEVEL, &LOG_FORMAT];

/// The transform function's and the local host's: the table.
pub const TABLE: Group = &[&LABELS, &ANNOTATIONS, &THINNER_TOLERANCE];

/// The local host's: a lake in a directory.
pub const LOCAL_LAKE: Group = &[&LAKE_DIRECTORY, &CLUSTER];

/// The local host's: a saved response.
pub const SAVED: Group = &[&SOURCE_KIND, &AGGREGATION, &SOURCE_CLUSTER_IDS, &SOURCE_IDLE];

/// The local host's: a range of days.
pub const RANGE: Group = &[&FROM, &TO];

/// The local host's: a lake's bucket, where a command works on one.
pub const BUCKET_LAKE: Group = &[
    &BUCKET,
    &BUCKET_REGION,
    &BUCKET_OWNER,
    &KMS_KEY,
    &STAGING_PREFIX,
    &PLANS_PREFIX,
    &CLUSTER,
    &LAKE_PREFIX,
    &ASSETS_PREFIX,
];

const PREFIXES: Group = &[
    &STAGING_PREFIX,
    &PLANS_PREFIX,
    &LAKE_PREFIX,
    &ASSETS_PREFIX,
    &QUARANTINE_PREFIX,
    &REPORTS_PREFIX,
];

/// The setting of an area's prefix.
pub(crate) fn prefix_of(area: Area) -> &'static Setting {
    match area {
        Area::Staging => &STAGING_PREFIX,
        Area::Plans => &PLANS_PREFIX,
        Area::Lake => &LAKE_PREFIX,
        Area::Assets => &ASSETS_PREFIX,
        Area::Quarantine => &QUARANTINE_PREFIX,
        Area::Reports => &REPORTS_PREFIX,
    }
}

/// A deployed program, and the groups of its settings.
pub type Program = (&'static str, &'static [Group]);

/// The exporter.
pub const EXPORTER: Program = ("exporter", &[EXPORTER_LAKE, PERIOD, SOURCE, LOG]);

/// The transform function.
pub const TRANSFORM: Program = ("transform", &[&[&BUCKET], PREFIXES, &[&KMS_KEY], TABLE, LOG]);

/// The backfill function.
pub const BACKFILL: Program = (
    "backfill",
    &[
        &[&BUCKET],
        PREFIXES,
        &[
            &KMS_KEY,
            &RESTATE_AGE,
            &RESTATE_INTERVAL,
            &IN_FLIGHT,
            &RETRY_LIMIT,
            &SILENT_HOURS,
            &AUDIT_PERIOD,
            &AUDIT_CONCURRENCY,
        ],
        LOG,
    ],
);

/// The crawler function.
pub const CRAWLER: Program = (
    "crawler",
    &[
        &[&BUCKET],
        PREFIXES,
        &[
            &CATALOG_MODE,
            &GLUE_DATABASE,
            &GLUE_TABLE,
            &GLUE_ASSETS_TABLE,
            &GLUE_CRAWLER,
        ],
        LOG,
    ],
);

/// Settings of the exporter's predecessor that have no effect, each with what the user should know.
pub const EXPORTER_RETIRED: &[Setting] = &[
    Setting::new(
        "LABELS",
        "has no effect here: labels are a setting of the transform function now, since the table belongs to the lake and not to one cluster",
    ),
    Setting::new(
        "ANNOTATIONS",
        "has no effect here: annotations are a setting of the transform function now, since the table belongs to the lake and not to one cluster",
    ),
    Setting::new(
        "KUBECOST_ALLOCATION_API_PAGINATE",
        "has no effect any more: responses are streamed; set PAGE_SIZE where a proxy needs pages",
    ),
    Setting::new("KUBECOST_ALLOCATION_API_RESOLUTION", "has no effect any more"),
];

/// All settings of some groups.
pub fn all(groups: &[Group]) -> impl Iterator<Item = &'static Setting> {
    groups.iter().flat_map(|group| group.iter().copied())
}
