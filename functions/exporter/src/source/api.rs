//! Which other API a response is of, where it is none of allocations.

/// The name of the API that a response to a query for allocations is of, as its first bytes say; `None` where they say
/// nothing else than allocations.
pub(crate) fn other_api(beginning: &str) -> Option<&'static str> {
    let text: String = beginning
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    let has = |words: &[&str]| words.iter().any(|words| text.contains(words));
    if has(&[r#""cloudCosts":"#, r#""kubernetesPercent":"#]) {
        Some("cloudCost API")
    } else if has(&[r#""sets":[{"allocations""#]) {
        Some("summary of allocations (/allocation/summary)")
    } else if has(&[r#""environment":""#, r#""cpuAllocationAverage":"#]) {
        Some("aggregatedCostModel API")
    } else if has(&[r#""co2e":"#]) {
        Some("carbon API")
    } else if has(&[
        r#":{"type":"Node""#,
        r#":{"type":"Disk""#,
        r#":{"type":"ClusterManagement""#,
        r#":{"type":"LoadBalancer""#,
    ]) {
        Some("assets API")
    } else if text.starts_with('[') {
        Some("kind that sends a bare list")
    } else {
        None
    }
}

/// The message about a response of another API.
pub(crate) fn of_other_api(api: &str, detail: &str) -> String {
    format!(
        "the response is of the {api}, and not of allocations: check KUBECOST_API_ENDPOINT, and what is in front of the source; {detail}"
    )
}
