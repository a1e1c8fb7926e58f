//! What surrounds the rows of a response, and the faults of responses.

use std::fmt;

use contract::units::shortened;
use serde_json::Value;

/// The form of a response's `data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataShape {
    /// There is none.
    #[default]
    Missing,
    /// `null`: a failure.
    Null,
    /// A list of sets, one for each step of the window.
    List,
    /// One set: OpenCost's assets.
    Object,
}

/// The longest member of the outer object whose content is read, in bytes. Those that matter have some hundreds.
const MEMBER_LIMIT: usize = 64 * 1024;

/// How much of a warning is kept, in characters.
const WARNING_LENGTH: usize = 1_500;

/// What surrounds the rows of a response that is complete and valid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// What the source says beside the rows: `warning`, `warnings` and `message`.
    pub warnings: Vec<String>,
    /// The form of `data`.
    pub shape: DataShape,
    /// How many sets it has, those without rows included.
    pub sets: u32,
    /// How many rows it has, over all sets.
    pub entries: u64,
    /// Entries that are `null`: not rows, but counted.
    pub null_rows: u64,
    /// The response's length in bytes.
    pub bytes: u64,
    /// The first member that reports a failure.
    failure: Option<Failure>,
    /// What the source wrote in `error`.
    errors: Vec<String>,
}

/// How a response reports that the source failed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failure {
    Code(u64),
    /// Any other sign, such as `status "error"`.
    Sign(String),
}

impl Envelope {
    /// Reads a member of the outer object other than `data`. A failure is never taken back by a later member of the
    /// same name.
    pub(crate) fn member(&mut self, key: &str, value: &[u8]) {
        if !matches!(
            key,
            "code" | "status" | "error" | "errors" | "message" | "warning" | "warnings"
        ) {
            return;
        }
        let read = (value.len() <= MEMBER_LIMIT).then(|| serde_json::from_slice(value));
        let unread = || Value::String(format!("({} bytes)", value.len()));
        let value = read.and_then(Result::ok).unwrap_or_else(unread);
        let failure = match key {
            "code" => failure_of_code(&value),
            "status" => failure_of_status(&value),
            "error" | "errors" => {
                let before = self.errors.len();
                self.errors.extend(texts(&value));
                (self.errors.len() > before).then(|| Failure::Sign(format!("'{key}' is set")))
            }
            _ => {
                self.warnings.extend(texts(&value));
                None
            }
        };
        if self.failure.is_none() {
            self.failure = failure;
        }
    }

    pub(crate) fn check(self, excerpt: &Excerpt) -> Result<Self, ResponseFault> {
        let said = [&self.errors[..], &self.warnings[..]].concat();
        let message = || {
            if said.is_empty() {
                excerpt.to_string()
            } else {
                said.join("; ")
            }
        };
        let failed = |sign: &str| ResponseFault::Failure {
            sign: sign.to_owned(),
            message: message(),
        };
        match (&self.failure, self.shape) {
            (Some(Failure::Code(code)), _) => Err(ResponseFault::Code {
                code: *code,
                message: message(),
            }),
            (Some(Failure::Sign(sign)), _) => Err(failed(sign)),
            (None, DataShape::Missing) => Err(ResponseFault::NoData { message: message() }),
            (None, DataShape::Null) => Err(failed("'data' is null")),
            // Only a response that says nothing else, or just this, says that there is no data.
            (None, _) if self.entries == 0 && said.iter().any(|text| !says_no_data(text)) => {
                Err(failed("there are no rows, but a message"))
            }
            _ => Ok(self),
        }
    }
}

/// Sources write the code as a number; a proxy or a script between may turn it into a text.
fn failure_of_code(value: &Value) -> Option<Failure> {
    let code = match value {
        Value::Null => return None,
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match code {
        Some(200.0) => None,
        Some(code) if code.fract() == 0.0 && (0.0..1e6).contains(&code) => Some(Failure::Code(code as u64)),
        _ => Some(Failure::Sign(format!(
            "code {}",
            shortened(&value.to_string(), WARNING_LENGTH)
        ))),
    }
}

fn failure_of_status(value: &Value) -> Option<Failure> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.trim().to_ascii_lowercase(),
        other => other.to_string(),
    };
    let is_success = matches!(text.as_str(), "" | "success" | "ok" | "200" | "true");
    (!is_success).then(|| Failure::Sign(format!("status {}", shortened(&value.to_string(), WARNING_LENGTH))))
}

fn says_no_data(text: &str) -> bool {
    text.to_ascii_lowercase().contains("no data")
}

/// The texts of a member; none where it is empty.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null | Value::Bool(false) => Vec::new(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => vec![shortened(text, WARNING_LENGTH)],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(members) if members.is_empty() => Vec::new(),
        other => vec![shortened(&other.to_string(), WARNING_LENGTH)],
    }
}

/// Why a response cannot be used. Most messages repeat its first bytes, so that a person sees what it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResponseFault {
    /// No bytes, or only white space.
    #[error("the response is empty")]
    Empty,
    /// Not JSON: a text, or the login page of a proxy in front.
    #[error("the response is not JSON; it begins: {excerpt}")]
    NotJson {
        /// The first bytes.
        excerpt: String,
    },
    /// Invalid JSON after a valid start.
    #[error("the response is not JSON after {rows} rows; it begins: {excerpt}")]
    Malformed {
        /// Rows before that point.
        rows: u64,
        /// The first bytes.
        excerpt: String,
    },
    /// It ended too early.
    #[error("the response is cut short after {bytes} bytes and {rows} rows; it begins: {excerpt}")]
    CutShort {
        /// Bytes received.
        bytes: u64,
        /// Complete rows.
        rows: u64,
        /// The first bytes.
        excerpt: String,
    },
    /// More bytes after its end.
    #[error("the response has more bytes after its end; it begins: {excerpt}")]
    Trailing {
        /// The first bytes.
        excerpt: String,
    },
    /// A failure that the source reports in the response itself.
    #[error("the source responded with code {code}: {message}")]
    Code {
        /// The response's `code`.
        code: u64,
        /// The source's message, or the first bytes.
        message: String,
    },
    /// A failure that the source reports otherwise: by a status, an error text, or `data` that is `null`.
    #[error("the source reports a failure ({sign}): {message}")]
    Failure {
        /// How it is reported.
        sign: String,
        /// The source's message, or the first bytes.
        message: String,
    },
    /// `data` is missing.
    #[error("the response has no 'data': {message}")]
    NoData {
        /// The source's message, or the first bytes.
        message: String,
    },
    /// A response of another API: costs in another shape.
    #[error("{what}: this is not a response of the allocation or assets API; it begins: {excerpt}")]
    Shape {
        /// What was found.
        what: &'static str,
        /// The first bytes.
        excerpt: String,
    },
    /// A row that is too large.
    #[error("row {rows} is longer than {limit} bytes")]
    RowTooLong {
        /// The largest row that is accepted.
        limit: usize,
        /// Rows before it.
        rows: u64,
    },
    /// Text that is not UTF-8.
    #[error("the response is not UTF-8 after {rows} rows")]
    NotUtf8 {
        /// Rows before it.
        rows: u64,
    },
}

/// The first bytes of a response, for messages.
#[derive(Debug, Clone, Default)]
pub struct Excerpt {
    bytes: Vec<u8>,
}

impl Excerpt {
    /// How many bytes a message repeats. The cause stands deep in what some sources write.
    pub const LENGTH: usize = 1500;

    /// Adds more of the response; only its first bytes are kept.
    pub fn extend(&mut self, chunk: &[u8]) {
        let free = Self::LENGTH.saturating_sub(self.bytes.len());
        self.bytes
            .extend_from_slice(chunk.get(..free.min(chunk.len())).unwrap_or_default());
    }
}

/// Formats as printable text on one line.
impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.bytes);
        let cut = if self.bytes.len() >= Self::LENGTH { "…" } else { "" };
        for character in text.trim().chars() {
            if character.is_control() {
                write!(formatter, "{}", character.escape_default())?;
            } else {
                write!(formatter, "{character}")?;
            }
        }
        formatter.write_str(cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FeedError, Scanner};

    fn read(response: &str) -> Result<Envelope, ResponseFault> {
        let mut scanner = Scanner::new();
        let fed = scanner.feed(response.as_bytes(), &mut |_| Ok::<(), String>(()));
        match fed {
            Ok(()) => scanner.finish(),
            Err(FeedError::Response(fault)) => Err(fault),
            Err(FeedError::Sink(never)) => unreachable!("{never}"),
        }
    }

    const ROWS: &str = r#""data":[{"a":{"cpuCost":1}}]"#;

    #[test]
    fn a_failure_is_a_failure_however_it_is_reported() {
        let failures = [
            (r#""code":500"#, "the source responded with code 500"),
            (r#""code":"500""#, "the source responded with code 500"),
            (r#""code":500.0"#, "the source responded with code 500"),
            (r#""code":500.5"#, "a failure (code 500.5)"),
            (r#""code":-1"#, "a failure (code -1)"),
            (r#""code":"bad""#, r#"a failure (code "bad")"#),
            (r#""code":{"value":200}"#, r#"a failure (code {"value":200})"#),
            (r#""code":500,"code":200"#, "the source responded with code 500"),
            (r#""code":200,"status":"error""#, r#"a failure (status "error")"#),
            (r#""status":"Failed""#, r#"a failure (status "Failed")"#),
            (r#""status":503"#, "a failure (status 503)"),
            (
                r#""status":"error","status":"success""#,
                r#"a failure (status "error")"#,
            ),
            (
                r#""status":"success","error":"context deadline exceeded""#,
                "a failure ('error' is set): context deadline exceeded",
            ),
            (
                r#""error":{"type":"timeout"}"#,
                r#"a failure ('error' is set): {"type":"timeout"}"#,
            ),
            (
                r#""errors":["too many samples"]"#,
                "a failure ('errors' is set): too many samples",
            ),
        ];
        for (members, expected) in failures {
            for data in [ROWS, r#""data":[]"#, r#""data":null"#] {
                for response in [format!("{{{members},{data}}}"), format!("{{{data},{members}}}")] {
                    let fault = read(&response).unwrap_err().to_string();
                    assert!(fault.contains(expected), "{response}: {fault}");
                }
            }
        }
    }

    #[test]
    fn success_is_spelled_in_several_ways() {
        for members in [
            r#""code":200,"status":"success""#,
            r#""code":"200","status":"OK""#,
            r#""code":200.0,"status":null"#,
            r#""code":null,"error":null,"errors":[],"warning":"","message":"""#,
            r#""status":200,"error":false"#,
            r#""status":true,"error":{},"warning":[{}]"#,
        ] {
            for data in [ROWS, r#""data":[]"#, r#""data":[{}]"#] {
                let envelope = read(&format!("{{{members},{data}}}")).unwrap();
                assert_eq!(envelope.warnings, Vec::<String>::new());
            }
        }
    }

    #[test]
    fn warnings_beside_rows_are_kept() {
        let members = r#""warning":"partial results","warnings":["a",{"b":1}],"message":"cached""#;
        let envelope = read(&format!("{{{members},{ROWS}}}")).unwrap();
        assert_eq!(envelope.warnings, ["partial results", "a", r#"{"b":1}"#, "cached"]);
        let long = "é".repeat(2_000);
        let envelope = read(&format!(r#"{{"warning":"{long}",{ROWS}}}"#)).unwrap();
        assert_eq!(envelope.warnings[0].chars().count(), WARNING_LENGTH + 1);
    }

    #[test]
    fn only_what_says_so_is_a_response_without_data() {
        for member in [r#""warning":"store unavailable""#, r#""message":"query failed""#] {
            let fault = read(&format!(r#"{{"code":200,{member},"data":[{{}}]}}"#)).unwrap_err();
            assert!(fault.to_string().contains("no rows, but a message"), "{fault}");
        }
        assert!(read(r#"{"code":200,"message":"No data for the window","data":[]}"#).is_ok());
        assert!(matches!(read(r#"{"code":200}"#), Err(ResponseFault::NoData { .. })));
        let fault = read(r#"{"code":200,"data":null}"#).unwrap_err().to_string();
        assert!(fault.contains("a failure ('data' is null)"), "{fault}");
    }

    #[test]
    fn a_failure_too_long_to_read_is_still_a_failure() {
        let long = "x".repeat(MEMBER_LIMIT + 1);
        for key in ["error", "status", "code"] {
            assert!(read(&format!(r#"{{"{key}":"{long}",{ROWS}}}"#)).is_err(), "{key}");
        }
        let spaces = " ".repeat(MEMBER_LIMIT - 2);
        assert!(read(&format!(r#"{{"error":"{spaces}",{ROWS}}}"#)).is_ok());
        let fault = read(&format!(r#"{{"error":"{spaces} ",{ROWS}}}"#)).unwrap_err();
        assert!(fault.to_string().ends_with("(65537 bytes)"), "{fault}");
    }
}
