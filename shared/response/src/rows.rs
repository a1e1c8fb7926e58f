//! The rows of a response, and what receives them.

use crate::{
    envelope::ResponseFault,
    row::{Allocation, RowError, RowParser},
};

/// One row of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The index of its set, counted from 0.
    pub set: u32,
    /// Its key within the set.
    pub key: &'a str,
    /// The row itself, not yet parsed: it begins with `{`, and as many brackets are closed as are opened.
    pub value: &'a str,
    /// Where it begins in the response, in bytes.
    pub offset: u64,
}

/// Receives the rows of a response.
pub trait Rows<E> {
    /// Takes a row.
    ///
    /// # Errors
    /// When the response cannot be used, for a reason that only the receiver knows.
    fn row(&mut self, entry: Entry<'_>) -> Result<(), E>;

    /// Whether it can take rows of which only the beginning is known.
    fn takes_beginnings(&self) -> bool {
        false
    }

    /// Takes a row whose value is followed by more, within so many arrays and objects, and gives how long it is; or
    /// `None` if it must have the row by itself.
    ///
    /// # Errors
    /// As [`Rows::row`].
    fn beginning(&mut self, entry: Entry<'_>, depth: u8) -> Option<Result<usize, E>> {
        let _ = (entry, depth);
        None
    }
}

impl<E, F: FnMut(Entry<'_>) -> Result<(), E>> Rows<E> for F {
    fn row(&mut self, entry: Entry<'_>) -> Result<(), E> {
        self(entry)
    }
}

/// Why a chunk was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum FeedError<E> {
    /// The response cannot be used.
    #[error(transparent)]
    Response(#[from] ResponseFault),
    /// The receiver of the rows failed.
    #[error("{0}")]
    Sink(E),
}

/// Receives rows, and passes them on as allocations, or why they are none. It reads a row without looking for its end
/// first, where it can.
pub struct ParsedRows<'p, F> {
    parser: &'p mut RowParser,
    on_row: F,
}

impl<'p, F> ParsedRows<'p, F> {
    /// Reads rows with a parser, and passes each to `on_row`, with its set and its key.
    pub fn new<E>(parser: &'p mut RowParser, on_row: F) -> Self
    where
        F: FnMut(u32, &str, Result<Allocation<'_>, RowError>) -> Result<(), E>,
    {
        Self { parser, on_row }
    }
}

impl<E, F> Rows<E> for ParsedRows<'_, F>
where
    F: FnMut(u32, &str, Result<Allocation<'_>, RowError>) -> Result<(), E>,
{
    fn row(&mut self, Entry { set, key, value, .. }: Entry<'_>) -> Result<(), E> {
        (self.on_row)(set, key, self.parser.parse(key, value))
    }

    fn takes_beginnings(&self) -> bool {
        true
    }

    fn beginning(&mut self, Entry { set, key, value, .. }: Entry<'_>, depth: u8) -> Option<Result<usize, E>> {
        let (row, length) = self.parser.parse_beginning(key, value, depth)?;
        Some((self.on_row)(set, key, row).map(|()| length))
    }
}
