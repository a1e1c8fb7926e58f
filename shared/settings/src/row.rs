//! What a setting is: one row for each, with everything that is known of it.

use std::fmt;

/// One setting of a program. Readers, command lines, the README and the tests of the chart and of Terraform take what
/// they need from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable; faults name it.
    pub name: &'static str,
    /// What it is, for people.
    pub help: &'static str,
    /// The flag, without dashes; empty where no command line has it.
    pub flag: &'static str,
    /// What stands for the value in the help.
    pub value: &'static str,
    /// Where it is read from.
    pub origin: Origin,
    /// The value where none is set; empty where there is none.
    pub default: &'static str,
    /// What applies where nothing is set and there is no default, for people.
    pub otherwise: &'static str,
    /// The values that are accepted.
    pub values: Values,
}

/// Where a setting is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The environment, and the command line where it has the flag.
    Environment,
    /// The command line only.
    Flag,
}

/// The values that a setting accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Any text.
    Text,
    /// A text of a form that the program checks, such as an ARN.
    Form,
    /// A whole number.
    WholeNumber {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// A whole number, or the word `all`.
    WholeNumberOrAll {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// A number of seconds, decimals allowed, above 0 and at most a day.
    Seconds,
    /// Yes or no: yes, y, true, no, n, false in any case.
    YesOrNo,
    /// One of these words, spelled like this.
    Words(&'static [&'static str]),
}

/// The word that a setting takes in place of a number.
pub(crate) const ALL: &str = "all";

/// The longest time in seconds that a setting accepts.
pub(crate) const DAY_SECONDS: u32 = 86_400;

impl Setting {
    pub(crate) const fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            flag: "",
            value: "",
            origin: Origin::Environment,
            default: "",
            otherwise: "",
            values: Values::Text,
        }
    }

    pub(crate) const fn flag(self, flag: &'static str, value: &'static str) -> Self {
        Self { flag, value, ..self }
    }

    pub(crate) const fn only_flag(self) -> Self {
        Self {
            origin: Origin::Flag,
            ..self
        }
    }

    pub(crate) const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    pub(crate) const fn otherwise(self, otherwise: &'static str) -> Self {
        Self { otherwise, ..self }
    }

    pub(crate) const fn values(self, values: Values) -> Self {
        Self { values, ..self }
    }

    pub(crate) const fn numbers(self, least: u64, most: u64) -> Self {
        self.values(Values::WholeNumber { least, most })
    }
}

/// Formats as the values that are accepted, for people; empty for texts.
impl fmt::Display for Values {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text | Self::Form => Ok(()),
            Self::WholeNumber { least, most } => write!(formatter, "{least} to {most}"),
            Self::WholeNumberOrAll { least, most } => write!(formatter, "{least} to {most}, or {ALL}"),
            Self::Seconds => write!(formatter, "above 0, at most {DAY_SECONDS}"),
            Self::YesOrNo => formatter.write_str("yes, no"),
            Self::Words(words) => formatter.write_str(&words.join(", ")),
        }
    }
}
