//! The prefixes of the bucket, as they are configured.

/// The prefixes of the bucket. Each ends with `/`; none contains another, so that an event's prefix filter is
/// unambiguous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    staging: String,
    plans: String,
    lake: String,
    assets: String,
    quarantine: String,
    reports: String,
}

/// Names one of the bucket's prefixes; each has a setting of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Area {
    /// Raw responses, inventories and manifests.
    Staging,
    /// Plans of the backfill function.
    Plans,
    /// Parquet: the table of allocations.
    Lake,
    /// Parquet: the table of assets.
    Assets,
    /// Reasons why a day could not be converted.
    Quarantine,
    /// Reports of the scheduled audit.
    Reports,
}

impl Area {
    /// All areas.
    pub const ALL: [Self; 6] = [
        Self::Staging,
        Self::Plans,
        Self::Lake,
        Self::Assets,
        Self::Quarantine,
        Self::Reports,
    ];

    /// The environment variable that sets the area's prefix.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Staging => "STAGING_PREFIX",
            Self::Plans => "PLANS_PREFIX",
            Self::Lake => "LAKE_PREFIX",
            Self::Assets => "ASSETS_PREFIX",
            Self::Quarantine => "QUARANTINE_PREFIX",
            Self::Reports => "REPORTS_PREFIX",
        }
    }

    /// The prefix where none is set.
    pub const fn default_prefix(self) -> &'static str {
        match self {
            Self::Staging => "staging/",
            Self::Plans => "plans/",
            Self::Lake => "lake/",
            Self::Assets => "assets/",
            Self::Quarantine => "quarantine/",
            Self::Reports => "reports/",
        }
    }
}

impl Default for Prefixes {
    fn default() -> Self {
        let prefix = |area: Area| area.default_prefix().to_owned();
        Self {
            staging: prefix(Area::Staging),
            plans: prefix(Area::Plans),
            lake: prefix(Area::Lake),
            assets: prefix(Area::Assets),
            quarantine: prefix(Area::Quarantine),
            reports: prefix(Area::Reports),
        }
    }
}

impl Prefixes {
    /// Prefixes as configured: a missing trailing `/` is added, an empty text keeps the default.
    ///
    /// # Errors
    /// All faults, each with its area: characters that keys should not have, or a prefix that contains another.
    pub fn new(configured: impl Fn(Area) -> Option<String>) -> Result<Self, Vec<(Area, PrefixError)>> {
        let mut faults = Vec::new();
        let mut read = |area: Area| {
            let text = configured(area).unwrap_or_default();
            let text = text.trim();
            if text.is_empty() {
                return area.default_prefix().to_owned();
            }
            let prefix = format!("{}/", text.trim_end_matches('/'));
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=".contains(&byte);
            if prefix.starts_with('/')
                || !prefix.bytes().all(plain)
                || prefix
                    .split('/')
                    .rev()
                    .skip(1)
                    .any(|segment| matches!(segment, "" | "." | ".."))
            {
                faults.push((area, PrefixError::Form(text.to_owned())));
            }
            prefix
        };
        let prefixes = Self {
            staging: read(Area::Staging),
            plans: read(Area::Plans),
            lake: read(Area::Lake),
            assets: read(Area::Assets),
            quarantine: read(Area::Quarantine),
            reports: read(Area::Reports),
        };
        for area in Area::ALL {
            for other in Area::ALL {
                if area != other && prefixes.of(area).starts_with(prefixes.of(other)) {
                    faults.push((area, PrefixError::Contained { other: other.setting() }));
                }
            }
        }
        if faults.is_empty() { Ok(prefixes) } else { Err(faults) }
    }

    /// The prefix of an area, with its trailing `/`.
    pub fn of(&self, area: Area) -> &str {
        match area {
            Area::Staging => &self.staging,
            Area::Plans => &self.plans,
            Area::Lake => &self.lake,
            Area::Assets => &self.assets,
            Area::Quarantine => &self.quarantine,
            Area::Reports => &self.reports,
        }
    }
}

/// Why a prefix cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Characters or segments that keys should not have.
    #[error("'{0}' is not a key prefix: use letters, digits, '-', '_', '.', '=' and '/', and no empty segment")]
    Form(String),
    /// Within another area, so that events of one would be taken for events of the other.
    #[error("is within the prefix of {other}: choose prefixes that do not contain one another")]
    Contained {
        /// The setting of the containing prefix.
        other: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_of_a_prefix_is_named_as_the_prefix() {
        for area in Area::ALL {
            let name = area.default_prefix().trim_end_matches('/').to_uppercase();
            assert_eq!(area.setting(), format!("{name}_PREFIX"));
        }
    }

    #[test]
    fn faulty_prefixes_are_reported_together() {
        let faults = Prefixes::new(|area| match area {
            Area::Staging => Some("lake/staging".to_owned()),
            Area::Plans => Some("a b".to_owned()),
            Area::Reports => Some("../up".to_owned()),
            _ => None,
        })
        .unwrap_err();
        let areas: Vec<Area> = faults.iter().map(|(area, _)| *area).collect();
        assert_eq!(areas, [Area::Plans, Area::Reports, Area::Staging]);
        let prefixes = Prefixes::new(|area| (area == Area::Lake).then(|| "finance/costs".to_owned())).unwrap();
        assert_eq!(prefixes.of(Area::Lake), "finance/costs/");
        assert_eq!(prefixes.of(Area::Assets), "assets/");
        let faults = Prefixes::new(|area| (area == Area::Assets).then(|| "lake/assets".to_owned())).unwrap_err();
        assert_eq!(
            faults.len(),
            1,
            "the table of assets is never below that of allocations: {faults:?}"
        );
    }
}
