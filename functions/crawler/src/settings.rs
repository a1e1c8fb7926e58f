//! The function's settings.

use contract::keys::Prefixes;
use settings::{Faults, Reader, logs::LogSettings, rows};

/// How partitions come into the Glue catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The function creates them, and deletes those whose data is gone.
    Register,
    /// The same, and the Glue crawler is started when there are new ones.
    Crawler {
        /// The crawler's name.
        crawler: String,
    },
    /// Not by this function: they are projected, for example.
    None,
}

/// The function's settings, validated.
#[derive(Debug, Clone)]
pub struct Settings {
    pub bucket: String,
    pub prefixes: Prefixes,
    pub mode: Mode,
    pub database: String,
    pub table: String,
    /// The table of assets.
    pub assets_table: String,
}

impl Settings {
    /// Reads the settings. The crawler's name is required in the mode that starts it, database and table in both modes
    /// that call Glue.
    ///
    /// # Errors
    /// All faults together.
    pub fn read(mut reader: Reader<'_>) -> Result<Self, Faults> {
        let bucket = reader.bucket();
        let prefixes = reader.prefixes();
        let mode = match reader.word(&rows::CATALOG_MODE) {
            "none" => Mode::None,
            "register" => Mode::Register,
            _ => Mode::Crawler {
                crawler: reader
                    .required(
                        &rows::GLUE_CRAWLER,
                        "the Glue crawler to start, or CATALOG_MODE=register",
                    )
                    .unwrap_or_default(),
            },
        };
        let (database, table) = if mode == Mode::None {
            (String::new(), String::new())
        } else {
            let mut required = |setting, what| reader.required(setting, what).unwrap_or_default();
            (
                required(&rows::GLUE_DATABASE, "the Glue database of the table"),
                required(&rows::GLUE_TABLE, "the Glue table of the lake"),
            )
        };
        let assets_table = reader.optional(&rows::GLUE_ASSETS_TABLE);
        let assets_table = assets_table.unwrap_or_else(|| format!("{table}_assets"));
        LogSettings::read(&mut reader);
        reader.finish().map(|()| Self {
            bucket,
            prefixes,
            mode,
            database,
            table,
            assets_table,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use settings::Values;

    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Settings, Faults> {
        Settings::read(Reader::new(|name| {
            values
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn the_mode_decides_what_is_required() {
        let bucket = ("S3_BUCKET_NAME", "finops-lake");
        let settings = read(&[bucket, ("CATALOG_MODE", "none")]).unwrap();
        assert_eq!(settings.mode, Mode::None);
        let missing = |mode: &'static str| {
            let faults = read(&[bucket, ("CATALOG_MODE", mode)]).unwrap_err();
            faults.0.iter().map(|fault| fault.setting).collect::<Vec<_>>()
        };
        assert_eq!(missing("register"), ["GLUE_DATABASE_NAME", "GLUE_TABLE_NAME"]);
        assert_eq!(
            missing("crawler"),
            ["GLUE_CRAWLER_NAME", "GLUE_DATABASE_NAME", "GLUE_TABLE_NAME"]
        );
        let glue = [("GLUE_DATABASE_NAME", "costs"), ("GLUE_TABLE_NAME", "lake")];
        let register = [&[bucket, ("CATALOG_MODE", "register")], &glue[..]].concat();
        let settings = read(&register).unwrap();
        assert_eq!(settings.mode, Mode::Register);
        assert_eq!(settings.assets_table, "lake_assets");
        let named = [&register[..], &[("GLUE_ASSETS_TABLE_NAME", "assets")]].concat();
        assert_eq!(read(&named).unwrap().assets_table, "assets");
        let default = [&[bucket, ("GLUE_CRAWLER_NAME", "costs")], &glue[..]].concat();
        let crawler = "costs".to_owned();
        assert_eq!(read(&default).unwrap().mode, Mode::Crawler { crawler });
        let faults = read(&[("CATALOG_MODE", "crawl")]).unwrap_err().to_string();
        assert!(
            faults.contains("S3_BUCKET_NAME") && faults.contains("'crawl' is not one of"),
            "{faults}"
        );
    }

    #[test]
    fn all_settings_wrong_are_all_reported() {
        let faults = Settings::read(Reader::new(|_| Some("!".to_owned()))).unwrap_err();
        let reported: BTreeSet<&str> = faults.0.iter().map(|fault| fault.setting).collect();
        let can_be_wrong = rows::all(rows::CRAWLER.1).filter(|setting| setting.values != Values::Text);
        assert_eq!(reported, can_be_wrong.map(|setting| setting.name).collect());
    }
}
