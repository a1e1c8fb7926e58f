//! What surrounds the rows of an answer, and what is wrong with one.

use std::fmt;

use serde_json::Value;

/// The form of an answer's `data`.
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

/// What surrounds the rows of an answer that was whole and good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// The answer's own `code`; some answers have none.
    pub code: Option<u64>,
    /// A message, as failures have; some good answers have a warning here.
    pub message: Option<String>,
    /// The form of `data`.
    pub shape: DataShape,
    /// How many sets it has, those without rows included.
    pub sets: u32,
    /// How many rows it has, over all sets.
    pub entries: u64,
    /// Rows that are `null`: they are no rows, but are counted.
    pub null_rows: u64,
    /// The answer's length in bytes.
    pub bytes: u64,
}

impl Envelope {
    /// Takes a member of the outer object other than `data`.
    pub(crate) fn member(&mut self, key: &[u8], value: &[u8]) {
        match key {
            b"code" => self.code = serde_json::from_slice(value).ok(),
            b"message" | b"error" => {
                let text = serde_json::from_slice::<Value>(value).ok();
                self.message = text
                    .and_then(|text| text.as_str().map(str::to_owned))
                    .or(self.message.take());
            }
            _ => {}
        }
    }

    pub(crate) fn check(self, excerpt: &Excerpt) -> Result<Self, AnswerFault> {
        let message = || self.message.clone().unwrap_or_else(|| excerpt.to_string());
        match (self.code, self.shape) {
            (Some(code), _) if code != 200 => Err(AnswerFault::Code {
                code,
                message: message(),
            }),
            (_, DataShape::Null | DataShape::Missing) => Err(AnswerFault::NoData { message: message() }),
            _ => Ok(self),
        }
    }
}

/// Why what came is not an answer to use. The first bytes of what came are part of most messages, so that a person sees
/// what it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// Nothing came.
    #[error("the answer is empty")]
    Empty,
    /// Not JSON: a text, or the login page of a proxy in front.
    #[error("the answer is not JSON; it begins: {excerpt}")]
    NotJson {
        /// The first bytes.
        excerpt: String,
    },
    /// JSON up to a point.
    #[error("the answer is not JSON after {rows} rows; it begins: {excerpt}")]
    Malformed {
        /// Rows before that point.
        rows: u64,
        /// The first bytes.
        excerpt: String,
    },
    /// It ended before its end.
    #[error("the answer is cut short after {bytes} bytes and {rows} rows; it begins: {excerpt}")]
    CutShort {
        /// Bytes that came.
        bytes: u64,
        /// Rows that came whole.
        rows: u64,
        /// The first bytes.
        excerpt: String,
    },
    /// Something follows after its end.
    #[error("something follows after the answer's end; it begins: {excerpt}")]
    Trailing {
        /// The first bytes.
        excerpt: String,
    },
    /// A failure that the source reports in the answer itself.
    #[error("the source answered with code {code}: {message}")]
    Code {
        /// The answer's `code`.
        code: u64,
        /// The source's message, or the first bytes.
        message: String,
    },
    /// `data` is null or missing.
    #[error("the answer has no 'data': {message}")]
    NoData {
        /// The source's message, or the first bytes.
        message: String,
    },
    /// An answer of another API: costs in another shape.
    #[error("{what}: this is not an answer of the allocation or assets API; it begins: {excerpt}")]
    Shape {
        /// What is there instead.
        what: &'static str,
        /// The first bytes.
        excerpt: String,
    },
    /// A row larger than any that is taken.
    #[error("row {rows} is longer than {limit} bytes")]
    RowTooLong {
        /// The largest row that is taken.
        limit: usize,
        /// Rows before it.
        rows: u64,
    },
    /// Bytes that are no text.
    #[error("row {rows} is not UTF-8")]
    NotUtf8 {
        /// Rows before it.
        rows: u64,
    },
}

/// The first bytes of what came, for messages.
#[derive(Debug, Clone, Default)]
pub struct Excerpt {
    bytes: Vec<u8>,
}

impl Excerpt {
    /// How many bytes a message repeats.
    const LENGTH: usize = 160;

    /// Takes more of what came.
    pub fn extend(&mut self, chunk: &[u8]) {
        let free = Self::LENGTH.saturating_sub(self.bytes.len());
        self.bytes
            .extend_from_slice(chunk.get(..free.min(chunk.len())).unwrap_or_default());
    }
}

/// Reads as printable text on one line.
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
