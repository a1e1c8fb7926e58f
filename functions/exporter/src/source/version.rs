//! The version of the source, for people.

use contract::{documents::SourceKind, units::shortened};
use serde_json::Value;

use crate::{
    settings::SourceSettings,
    source::{Client, ReadTimeout, query},
};

/// What the source says of its version; `None` if it does not.
pub(crate) async fn of_source(client: &Client, settings: &SourceSettings, kind: SourceKind) -> Option<String> {
    let read_timeout = ReadTimeout::of_assets(settings);
    let body = client.document(&query::installation(kind), read_timeout).await.ok()?;
    said(&body)
}

fn said(body: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let version = ["/data/version", "/version"]
        .iter()
        .find_map(|place| document.pointer(place)?.as_str())?;
    (!version.trim().is_empty()).then(|| shortened(version.trim(), 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_either_place() {
        for (body, expected) in [
            (r#"{"code":200,"data":{"version":"2.8.0"}}"#, Some("2.8.0")),
            (
                r#"{"clusterInfo":{"version":"1.33"},"version":"1.117 (abc)"}"#,
                Some("1.117 (abc)"),
            ),
            (r#"{"version":""}"#, None),
            (r#"{"data":[]}"#, None),
            ("404 page not found", None),
        ] {
            assert_eq!(said(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
