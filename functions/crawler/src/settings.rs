//! The function's settings.

use contract::keys::Prefixes;
use settings::{Faults, Reader};

/// How a partition becomes known to Glue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// A crawler finds it (`crawler`).
    Crawler {
        /// The crawler's name (`GLUE_CRAWLER_NAME`).
        crawler: String,
    },
    /// The function creates it (`register`), and deletes those whose data is gone.
    Register,
    /// Something else sees to it (`none`), such as partition projection.
    None,
}

/// What the function needs to know, validated.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The bucket's name (`S3_BUCKET_NAME`).
    pub bucket: String,
    /// The bucket's prefixes.
    pub prefixes: Prefixes,
    /// How a partition becomes known (`CATALOG_MODE`, `crawler` by default).
    pub mode: Mode,
    /// The table's database (`GLUE_DATABASE_NAME`).
    pub database: String,
    /// The table (`GLUE_TABLE_NAME`).
    pub table: String,
}

/// The words of `CATALOG_MODE`.
#[derive(Debug, Clone, Copy)]
enum ModeWord {
    Crawler,
    Register,
    None,
}

impl Settings {
    /// Reads the settings. The crawler's name is required in the mode that starts it, database and table in both modes
    /// that ask Glue.
    ///
    /// # Errors
    /// All faults together.
    pub fn read(mut reader: Reader<'_>) -> Result<Self, Faults> {
        let bucket = reader.bucket("S3_BUCKET_NAME");
        let prefixes = reader.prefixes();
        let word = reader.one_of(
            "CATALOG_MODE",
            ModeWord::Crawler,
            &[
                ("crawler", ModeWord::Crawler),
                ("register", ModeWord::Register),
                ("none", ModeWord::None),
            ],
        );
        let mut required = |setting, what| reader.required(setting, what).unwrap_or_default();
        let (database, table) = match word {
            ModeWord::None => (String::new(), String::new()),
            ModeWord::Crawler | ModeWord::Register => (
                required("GLUE_DATABASE_NAME", "the Glue database of the table"),
                required("GLUE_TABLE_NAME", "the Glue table of the lake"),
            ),
        };
        let mode = match word {
            ModeWord::Crawler => Mode::Crawler {
                crawler: required(
                    "GLUE_CRAWLER_NAME",
                    "the Glue crawler to start, or CATALOG_MODE=register",
                ),
            },
            ModeWord::Register => Mode::Register,
            ModeWord::None => Mode::None,
        };
        reader.finish().map(|()| Self {
            bucket,
            prefixes,
            mode,
            database,
            table,
        })
    }
}

#[cfg(test)]
mod tests {
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
        let faults = read(&[bucket]).unwrap_err().to_string();
        for setting in ["GLUE_DATABASE_NAME", "GLUE_TABLE_NAME", "GLUE_CRAWLER_NAME"] {
            assert!(faults.contains(setting), "{faults}");
        }
        let faults = read(&[("CATALOG_MODE", "crawl")]).unwrap_err().to_string();
        assert!(
            faults.contains("S3_BUCKET_NAME") && faults.contains("'crawl' is not one of"),
            "{faults}"
        );
    }
}
