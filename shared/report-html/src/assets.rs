//! What every page contains: the chart library, our script and style, and the policy that allows these alone.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// Apache ECharts 6.1.0, the file dist/echarts.common.min.js of the npm package `echarts`.
pub(crate) const CHARTS: &str = include_str!("../assets/echarts/echarts.common.min.js");

/// Our script: several files, since each is about one thing.
pub(crate) const SCRIPT: &str = concat!(
    "\"use strict\";\n",
    include_str!("../assets/costs.js"),
    include_str!("../assets/charts.js"),
    include_str!("../assets/tables.js"),
    include_str!("../assets/page.js"),
);

pub(crate) const STYLE: &str = include_str!("../assets/page.css");

/// A source of a Content-Security-Policy: this text and no other.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// The policy of a page: nothing is loaded or sent, and only our own scripts and style are used.
pub(crate) fn policy() -> String {
    format!(
        "default-src 'none'; script-src {} {}; style-src {}; base-uri 'none'; form-action 'none'",
        source(CHARTS),
        source(SCRIPT),
        source(STYLE)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_library_is_the_published_one() {
        let digest: String = Sha256::digest(CHARTS)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            digest,
            "61f13280aba3161f77fc801bf5f9c786f55f10432153a0683fc5cc0700b013d5"
        );
        assert!(include_str!("../assets/echarts/LICENSE").contains("Apache License"));
        assert!(include_str!("../assets/echarts/NOTICE").contains("Apache ECharts"));
    }

    #[test]
    fn no_asset_can_end_its_element() {
        for asset in [CHARTS, SCRIPT, STYLE] {
            let lower = asset.to_lowercase();
            assert!(!lower.contains("</script") && !lower.contains("</style") && !lower.contains("<!--"));
        }
    }
}
