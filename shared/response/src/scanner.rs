//! Splits a source's response into its rows while it streams by.
//!
//! A response is `{"code":200, …, "data":[{"<key>":{row}, …}, …]}`: a list of sets, one for each step of the window;
//! OpenCost's assets are one set without a list. The members of the outer object come in any order. The scanner holds
//! one row at most, of a bounded size, and looks at each byte once, however the response is cut into chunks.
//!
//! The scanner checks everything but the inside of rows: of those it knows only strings, brackets and depth, and their
//! reader must parse them. If it does, a response of the right shape is accepted exactly if it is valid JSON. A reader
//! can take a row from its beginning ([`Rows::beginning`]), and finds the end itself. Only [`Scanner::finish`] says
//! whether the response was complete and valid: rows must not be used without it.

mod value_end;

use self::value_end::{Inside, find_value_end, is_blank, string_end, valid_text};
pub(crate) use self::value_end::{Member, members};
use crate::{
    envelope::{DataShape, Envelope, Excerpt, ResponseFault},
    rows::{Entry, FeedError, Rows},
    value::Skipped,
};

/// The largest row that is accepted, in bytes. Rows of real clusters have some thousands; that of a whole cluster names
/// all its volumes. A row of many short labels takes 16 times its length while it is read: within an exporter's memory.
const ROW_LIMIT: usize = 4 * 1024 * 1024;

/// The largest key, in bytes.
const KEY_LIMIT: usize = 64 * 1024;

/// How many arrays and objects `serde_json` accepts within one another.
const DEPTH_LIMIT: usize = 127;

/// What the scanner expects next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The outer object.
    Start,
    /// A member's key, in the outer object or in a set.
    Key(Due),
    /// The colon after a key.
    Colon,
    /// A value.
    Value,
    /// A set in the list of `data`.
    Item(Due),
    /// Nothing but white space.
    End,
}

/// What may stand at a place in an object or list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// The first item, or the end.
    First,
    /// A comma, or the end.
    Comma,
    /// An item, after a comma.
    Item,
}

/// Which object the scanner is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Outer,
    Set { listed: bool },
}

impl Level {
    /// How many arrays and objects surround a value.
    const fn depth(self) -> u8 {
        match self {
            Self::Outer => 1,
            Self::Set { listed: false } => 2,
            Self::Set { listed: true } => 3,
        }
    }
}

/// Splits a response into rows; see the [module](self).
#[derive(Debug)]
pub struct Scanner {
    buffer: Vec<u8>,
    /// Up to here the buffer is processed; what is before is dropped with the next chunk.
    done: usize,
    /// Up to here the current value has been looked at.
    seen: usize,
    inside: Option<Inside>,
    place: Place,
    level: Level,
    /// The key of the current value.
    key: String,
    row_limit: usize,
    /// How long the last row was.
    last_row: usize,
    bytes: u64,
    excerpt: Excerpt,
    envelope: Envelope,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// A scanner at the start of a response.
    pub fn new() -> Self {
        Self {
            buffer: Vec::new(),
            done: 0,
            seen: 0,
            inside: None,
            place: Place::Start,
            level: Level::Outer,
            key: String::new(),
            row_limit: ROW_LIMIT,
            last_row: 0,
            bytes: 0,
            excerpt: Excerpt::default(),
            envelope: Envelope::default(),
        }
    }

    /// Bytes of the response so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Up to where the response is read, in bytes: all rows that end before have been passed on.
    pub fn settled(&self) -> u64 {
        self.settled_of(&self.buffer)
    }

    /// Where `done` is in the response: the buffer holds its last bytes.
    fn settled_of(&self, buffer: &[u8]) -> u64 {
        let rest = buffer.len().saturating_sub(self.done);
        self.bytes.saturating_sub(u64::try_from(rest).unwrap_or(0))
    }

    /// Reads the next bytes of the response, and passes the rows that they complete to `on_row`.
    ///
    /// # Errors
    /// As [`Self::feed_rows`].
    pub fn feed<E>(
        &mut self,
        chunk: &[u8],
        on_row: &mut impl FnMut(Entry<'_>) -> Result<(), E>,
    ) -> Result<(), FeedError<E>> {
        self.feed_rows(chunk, on_row)
    }

    /// Reads the next bytes of the response, and passes on the rows that they complete.
    ///
    /// # Errors
    /// When the bytes cannot be part of a response, or when the receiver fails. The scanner must not be used then.
    pub fn feed_rows<E>(&mut self, chunk: &[u8], rows: &mut (impl Rows<E> + ?Sized)) -> Result<(), FeedError<E>> {
        self.bytes += u64::try_from(chunk.len()).unwrap_or(0);
        self.excerpt.extend(chunk);
        self.buffer.drain(..self.done);
        self.seen -= self.done;
        self.done = 0;
        self.buffer.extend_from_slice(chunk);
        // The buffer is lent out while rows borrow from it.
        let buffer = std::mem::take(&mut self.buffer);
        let result = self.advance(&buffer, rows);
        self.buffer = buffer;
        result
    }

    /// Ends the response.
    ///
    /// # Errors
    /// When it is incomplete or empty, has no `data`, or reports a failure itself.
    pub fn finish(mut self) -> Result<Envelope, ResponseFault> {
        if self.place != Place::End {
            return Err(match self.place {
                Place::Start => ResponseFault::Empty,
                _ => ResponseFault::CutShort {
                    bytes: self.bytes,
                    rows: self.envelope.entries,
                    excerpt: self.excerpt.to_string(),
                },
            });
        }
        self.envelope.bytes = self.bytes;
        self.envelope.check(&self.excerpt)
    }

    fn advance<E>(&mut self, buffer: &[u8], rows: &mut (impl Rows<E> + ?Sized)) -> Result<(), FeedError<E>> {
        let mut text = None;
        loop {
            if self.inside.is_none() && self.place == Place::Value {
                if !self.begin_value(buffer)? {
                    return Ok(());
                }
                if self.inside.is_some() && self.take_beginning(&mut text, buffer, rows)? {
                    continue;
                }
            }
            if self.inside.is_some() {
                let Some(end) = self.value_end(buffer)? else {
                    return Ok(());
                };
                let value = buffer.get(self.done..end).unwrap_or_default();
                let offset = self.settled_of(buffer);
                self.take_value(value, offset, rows)?;
                self.inside = None;
                self.go_to(end);
                continue;
            }
            if self.place == Place::Value {
                continue;
            }
            if !self.step(buffer)? {
                return Ok(());
            }
        }
    }

    /// Skips white space, and returns the byte after it.
    fn peek(&mut self, buffer: &[u8]) -> Option<u8> {
        let rest = buffer.get(self.done..)?;
        let blank = rest.iter().take_while(|byte| is_blank(**byte)).count();
        self.go_to(self.done + blank);
        rest.get(blank).copied()
    }

    fn go_to(&mut self, position: usize) {
        self.done = position;
        self.seen = position;
    }

    /// One step between values. `false` if more bytes are needed.
    fn step(&mut self, buffer: &[u8]) -> Result<bool, ResponseFault> {
        let Some(byte) = self.peek(buffer) else {
            return Ok(false);
        };
        match (self.place, byte) {
            (Place::Start, b'{') => {
                self.go_to(self.done + 1);
                self.place = Place::Key(Due::First);
            }
            (Place::Key(Due::Comma), b',') => {
                self.go_to(self.done + 1);
                self.place = Place::Key(Due::Item);
            }
            (Place::Key(Due::First | Due::Comma), b'}') => {
                self.go_to(self.done + 1);
                self.place = match self.level {
                    Level::Outer => Place::End,
                    Level::Set { listed: true } => Place::Item(Due::Comma),
                    Level::Set { listed: false } => self.back_to_outer(),
                };
            }
            (Place::Key(Due::First | Due::Item), b'"') => return self.take_key(buffer),
            (Place::Colon, b':') => {
                self.go_to(self.done + 1);
                self.place = Place::Value;
            }
            (Place::Item(Due::Comma), b',') => {
                self.go_to(self.done + 1);
                self.place = Place::Item(Due::Item);
            }
            (Place::Item(Due::First | Due::Comma), b']') => {
                self.go_to(self.done + 1);
                self.place = self.back_to_outer();
            }
            (Place::Item(Due::First | Due::Item), b'{') => {
                self.go_to(self.done + 1);
                self.envelope.sets += 1;
                self.level = Level::Set { listed: true };
                self.place = Place::Key(Due::First);
            }
            (Place::Item(Due::First | Due::Item), b'n') => {
                if !self.take_null(buffer)? {
                    return Ok(false);
                }
                self.envelope.sets += 1;
                self.place = Place::Item(Due::Comma);
            }
            (Place::Item(Due::First | Due::Item), b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f') => {
                return Err(self.shape("the list 'data' contains values that are not sets of rows"));
            }
            _ => return Err(self.unexpected()),
        }
        Ok(true)
    }

    fn back_to_outer(&mut self) -> Place {
        self.level = Level::Outer;
        Place::Key(Due::Comma)
    }

    /// Reads the key that begins at `done`. `false` if more bytes are needed.
    fn take_key(&mut self, buffer: &[u8]) -> Result<bool, ResponseFault> {
        let end = string_end(buffer, self.done + 1, &mut Inside::default());
        if end.unwrap_or(buffer.len()) - self.done > KEY_LIMIT {
            return Err(ResponseFault::RowTooLong {
                limit: KEY_LIMIT,
                rows: self.envelope.entries,
            });
        }
        let Some(end) = end else { return Ok(false) };
        let quoted = buffer.get(self.done..end).unwrap_or_default();
        let quoted = std::str::from_utf8(quoted).map_err(|_| self.not_utf8())?;
        // Without an early end, so that the bytes are compared together.
        let is_plain = quoted
            .bytes()
            .fold(true, |plain, byte| plain & (byte != b'\\') & (byte >= b' '));
        if !is_plain {
            self.key = serde_json::from_str(quoted).map_err(|_| self.unexpected())?;
        } else {
            self.key.clear();
            self.key.push_str(quoted.trim_matches('"'));
        }
        self.go_to(end);
        self.place = Place::Colon;
        Ok(true)
    }

    /// Skips `null`. `false` if more bytes are needed.
    fn take_null(&mut self, buffer: &[u8]) -> Result<bool, ResponseFault> {
        let rest = buffer.get(self.done..).unwrap_or_default();
        if rest.starts_with(b"null") {
            self.go_to(self.done + 4);
            Ok(true)
        } else if b"null".starts_with(rest) {
            Ok(false)
        } else {
            Err(self.unexpected())
        }
    }

    /// Looks at how a value begins. `false` if more bytes are needed.
    fn begin_value(&mut self, buffer: &[u8]) -> Result<bool, ResponseFault> {
        let Some(byte) = self.peek(buffer) else {
            return Ok(false);
        };
        if self.level == Level::Outer && self.key == "data" {
            if self.envelope.shape != DataShape::Missing {
                return Err(self.shape("'data' is given twice"));
            }
            match byte {
                b'[' => {
                    self.envelope.shape = DataShape::List;
                    self.go_to(self.done + 1);
                    self.place = Place::Item(Due::First);
                }
                b'{' => {
                    self.envelope.shape = DataShape::Object;
                    self.envelope.sets = 1;
                    self.go_to(self.done + 1);
                    self.level = Level::Set { listed: false };
                    self.place = Place::Key(Due::First);
                }
                b'n' => {
                    if !self.take_null(buffer)? {
                        return Ok(false);
                    }
                    self.envelope.shape = DataShape::Null;
                    self.place = Place::Key(Due::Comma);
                }
                _ => return Err(self.shape("'data' is neither a list nor an object")),
            }
            return Ok(true);
        }
        if matches!(byte, b'}' | b']' | b',' | b':') {
            return Err(self.unexpected());
        }
        if matches!(self.level, Level::Set { .. }) && !matches!(byte, b'{' | b'n') {
            return Err(self.shape("the entries of 'data' are not rows"));
        }
        self.inside = Some(Inside::default());
        Ok(true)
    }

    /// Where the value that begins at `done` ends; `None` if more bytes are needed.
    fn value_end(&mut self, buffer: &[u8]) -> Result<Option<usize>, ResponseFault> {
        let Some(mut inside) = self.inside else {
            return Ok(None);
        };
        let end = find_value_end(buffer, self.done, self.seen, &mut inside);
        self.inside = Some(inside);
        self.seen = end.unwrap_or(buffer.len());
        if usize::from(self.level.depth()) + inside.deepest > DEPTH_LIMIT {
            return Err(self.shape("values are nested too deeply"));
        }
        if self.seen - self.done > self.row_limit {
            return Err(ResponseFault::RowTooLong {
                limit: self.row_limit,
                rows: self.envelope.entries,
            });
        }
        Ok(end)
    }

    /// Passes on the row that begins at `done`, if it can be read without looking for its end first. `text` is what
    /// is valid of the buffer, from a position on.
    fn take_beginning<'b, E>(
        &mut self,
        text: &mut Option<(usize, &'b str)>,
        buffer: &'b [u8],
        rows: &mut (impl Rows<E> + ?Sized),
    ) -> Result<bool, FeedError<E>> {
        let rest = buffer.get(self.done..).unwrap_or_default();
        // The last row of a chunk is rarely whole.
        if self.level == Level::Outer
            || rest.len() < self.last_row
            || rest.first() != Some(&b'{')
            || !rows.takes_beginnings()
        {
            return Ok(false);
        }
        let (from, text) = *text.get_or_insert_with(|| (self.done, valid_text(rest)));
        let begin = self.done - from;
        let end = text.floor_char_boundary(begin.saturating_add(self.row_limit));
        let value = text.get(begin..end).unwrap_or_default();
        let entry = Entry {
            set: self.envelope.sets.saturating_sub(1),
            key: &self.key,
            value,
            offset: self.settled_of(buffer),
        };
        let Some(length) = rows.beginning(entry, self.level.depth()) else {
            return Ok(false);
        };
        let length = length.map_err(FeedError::Sink)?;
        self.last_row = length;
        self.envelope.entries += 1;
        self.inside = None;
        self.place = Place::Key(Due::Comma);
        self.go_to(self.done + length);
        Ok(true)
    }

    fn take_value<E>(
        &mut self,
        value: &[u8],
        offset: u64,
        rows: &mut (impl Rows<E> + ?Sized),
    ) -> Result<(), FeedError<E>> {
        self.place = Place::Key(Due::Comma);
        if self.level == Level::Outer {
            serde_json::from_slice::<Skipped>(value).map_err(|_| self.unexpected())?;
            self.envelope.member(&self.key, value);
            return Ok(());
        }
        let value = std::str::from_utf8(value).map_err(|_| self.not_utf8())?;
        if value == "null" {
            self.envelope.null_rows += 1;
            return Ok(());
        }
        if !value.starts_with('{') {
            return Err(self.unexpected().into());
        }
        let set = self.envelope.sets.saturating_sub(1);
        let key = &self.key;
        let entry = Entry {
            set,
            key,
            value,
            offset,
        };
        self.last_row = value.len();
        rows.row(entry).map_err(FeedError::Sink)?;
        self.envelope.entries += 1;
        Ok(())
    }

    fn not_utf8(&self) -> ResponseFault {
        ResponseFault::NotUtf8 {
            rows: self.envelope.entries,
        }
    }

    fn unexpected(&self) -> ResponseFault {
        match self.place {
            Place::Start => ResponseFault::NotJson {
                excerpt: self.excerpt.to_string(),
            },
            Place::End => ResponseFault::Trailing {
                excerpt: self.excerpt.to_string(),
            },
            _ => ResponseFault::Malformed {
                rows: self.envelope.entries,
                excerpt: self.excerpt.to_string(),
            },
        }
    }

    fn shape(&self, what: &'static str) -> ResponseFault {
        ResponseFault::Shape {
            what,
            excerpt: self.excerpt.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
