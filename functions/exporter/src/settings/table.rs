//! The list of settings: the one place for their names, flags and help. Command lines and the README's table are made
//! from it.

use clap::{Arg, ArgMatches, Command};
use contract::keys::Area;

/// One setting: an environment variable, and a flag of the same meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable; faults name it.
    pub name: &'static str,
    /// The flag, without dashes.
    pub flag: &'static str,
    /// What stands for the value in the help.
    pub value: &'static str,
    /// What holds where it is not set; empty where there is nothing to say.
    pub default: &'static str,
    /// What it is.
    pub help: &'static str,
}

const fn setting(
    name: &'static str,
    flag: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        name,
        flag,
        value,
        default,
        help,
    }
}

/// Where the lake is, and whose costs are collected.
pub const LAKE_SETTINGS: &[Setting] = &[
    setting(
        "S3_BUCKET_NAME",
        "bucket",
        "NAME",
        "",
        "The bucket of the lake. Required",
    ),
    setting(
        "S3_BUCKET_REGION",
        "bucket-region",
        "REGION",
        "the process's region",
        "The region of that bucket",
    ),
    setting(
        "CLUSTER_ID",
        "cluster",
        "ARN",
        "",
        "The EKS cluster's ARN: arn:aws:eks:<region>:<account>:cluster/<name>. Required",
    ),
    setting(
        "IRSA_PARENT_IAM_ROLE_ARN",
        "parent-role",
        "ARN",
        "",
        "The role in the lake's account to assume (role chaining). Without it the pod's own role writes to the bucket",
    ),
    setting(
        "S3_BUCKET_OWNER",
        "bucket-owner",
        "ACCOUNT",
        "",
        "The account that the bucket must belong to; S3 refuses to take data for another's",
    ),
    setting(
        "KMS_KEY_ARN",
        "kms-key",
        "ARN",
        "the bucket's default",
        "The KMS key that objects are encrypted with",
    ),
    setting(
        "STAGING_PREFIX",
        "staging-prefix",
        "PREFIX",
        Area::Staging.default_prefix(),
        "The prefix of raw answers",
    ),
    setting(
        "PLANS_PREFIX",
        "plans-prefix",
        "PREFIX",
        Area::Plans.default_prefix(),
        "The prefix of plans",
    ),
    setting(
        "PLAN_WAIT_SECONDS",
        "plan-wait",
        "SECONDS",
        "120",
        "How long to wait for the backfill function's plan before collecting the day of 72 to 48 hours ago without one",
    ),
];

/// Which days there are.
pub const PERIOD_SETTINGS: &[Setting] = &[
    setting(
        "BACKFILL_PERIOD_DAYS",
        "backfill-period-days",
        "DAYS",
        "15",
        "How many days back gaps are looked for, 3 at least: what the source keeps",
    ),
    setting(
        "SETTLE_HOURS",
        "settle-hours",
        "HOURS",
        "3",
        "How many hours after its end a day counts as complete",
    ),
];

/// The source, and how it is asked.
pub const SOURCE_SETTINGS: &[Setting] = &[
    setting(
        "KUBECOST_API_ENDPOINT",
        "source",
        "URL",
        "http://kubecost-cost-analyzer.kubecost:9090",
        "The address of Kubecost or OpenCost, without /model or /allocation",
    ),
    setting(
        "SOURCE_KIND",
        "source-kind",
        "KIND",
        "auto",
        "Which of the two it is: kubecost, opencost, or auto to find out",
    ),
    setting(
        "AGGREGATION",
        "aggregation",
        "WHAT",
        "container",
        "What a row is: container, pod, namespace, controller, controllerKind, node or cluster",
    ),
    setting(
        "SOURCE_FILTER",
        "source-filter",
        "FILTER",
        "",
        "A filter that the source applies to allocations, such as cluster:\"cluster-one\" where one Kubecost aggregates many clusters",
    ),
    setting(
        "PAGE_SIZE",
        "page-size",
        "ROWS",
        "0",
        "Rows that Kubecost is asked for at a time; 0 asks for a day at once. For days on which a proxy in front answers 504",
    ),
    setting(
        "SOURCE_CONCURRENCY",
        "source-concurrency",
        "DAYS",
        "1",
        "Days that are collected at the same time. Kubecost is easily overloaded",
    ),
    setting(
        "CONNECTION_TIMEOUT",
        "connection-timeout",
        "SECONDS",
        "10",
        "How long a connection to the source may take",
    ),
    setting(
        "KUBECOST_ALLOCATION_API_READ_TIMEOUT",
        "allocation-read-timeout",
        "SECONDS",
        "300",
        "How long the source may stay silent while it computes or sends allocations",
    ),
    setting(
        "KUBECOST_ASSETS_API_READ_TIMEOUT",
        "assets-read-timeout",
        "SECONDS",
        "120",
        "How long the source may stay silent while it computes or sends assets",
    ),
    setting(
        "RETRIES",
        "retries",
        "TIMES",
        "3",
        "How often a request is repeated after a passing failure: no connection, an answer cut short, 429, 5xx",
    ),
    setting(
        "TLS_VERIFY",
        "tls-verify",
        "YES_OR_NO",
        "yes",
        "Whether the source's certificate is verified",
    ),
    setting(
        "CA_CERTIFICATE_FILE",
        "ca-certificate-file",
        "PATH",
        "",
        "A PEM file of the private CA that signed the source's certificate",
    ),
    setting(
        "KUBECOST_CA_CERTIFICATE_SECRET_NAME",
        "ca-certificate-secret",
        "NAME",
        "",
        "The same, as a secret in AWS Secrets Manager",
    ),
    setting(
        "KUBECOST_CA_CERTIFICATE_SECRET_REGION",
        "ca-certificate-secret-region",
        "REGION",
        "the process's region",
        "The region of that secret",
    ),
    setting(
        "SOURCE_AUTHENTICATION",
        "source-authentication",
        "HOW",
        "none",
        "How to authenticate to the source: none, bearer, basic or x-api-key",
    ),
    setting(
        "SOURCE_AUTHENTICATION_FILE",
        "source-authentication-file",
        "PATH",
        "",
        "A file with the token, with user:password, or with the key; read anew for each request",
    ),
];

/// How the process logs.
pub const LOG_SETTINGS: &[Setting] = &[
    setting(
        "LOG_LEVEL",
        "log-level",
        "LEVEL",
        "info",
        "error, warn, info, debug or trace",
    ),
    setting("LOG_FORMAT", "log-format", "FORMAT", "json", "json or text"),
];

/// Adds settings to a command: each as a flag whose value may also come from the environment.
pub fn add_to(command: Command, settings: &[Setting], heading: &'static str) -> Command {
    settings
        .iter()
        .fold(command.next_help_heading(heading), |command, setting| {
            let default = match setting.default {
                "" => String::new(),
                default => format!(" [default: {default}]"),
            };
            command.arg(
                Arg::new(setting.name)
                    .long(setting.flag)
                    .env(setting.name)
                    .value_name(setting.value)
                    .hide_env_values(true)
                    .allow_hyphen_values(true)
                    .help(format!("{}{default}", setting.help)),
            )
        })
}

/// A look-up of settings by name, for [`settings::Reader`]: what the command line or the environment says.
pub fn look_up<'a>(matches: &'a ArgMatches) -> impl Fn(&str) -> Option<String> + 'a {
    |name| matches.try_get_one::<String>(name).ok().flatten().cloned()
}
