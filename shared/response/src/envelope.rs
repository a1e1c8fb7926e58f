//! What surrounds the rows of a response, and the faults of responses.

use std::fmt;

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

/// What surrounds the rows of a response that is complete and valid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// The response's own `code`; some responses have none.
    pub code: Option<u64>,
    /// A message, as failures have; some valid responses have a warning here.
    pub message: Option<String>,
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
}

impl Envelope {
    /// Reads a member of the outer object other than `data`.
    pub(crate) fn member(&mut self, key: &str, value: &[u8]) {
        match key {
            "code" => self.code = serde_json::from_slice(value).ok(),
            "message" | "error" => {
                let text = serde_json::from_slice::<Value>(value).ok();
                self.message = text
                    .and_then(|text| text.as_str().map(str::to_owned))
                    .or(self.message.take());
            }
            _ => {}
        }
    }

    pub(crate) fn check(self, excerpt: &Excerpt) -> Result<Self, ResponseFault> {
        let message = || self.message.clone().unwrap_or_else(|| excerpt.to_string());
        match (self.code, self.shape) {
            (Some(code), _) if code != 200 => Err(ResponseFault::Code {
                code,
                message: message(),
            }),
            (_, DataShape::Null | DataShape::Missing) => Err(ResponseFault::NoData { message: message() }),
            _ => Ok(self),
        }
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
    /// `data` is null or missing.
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
