//! Splits a source's answer into its rows while it streams by.
//!
//! An answer is `{"code":200, …, "data":[{"<key>":{row}, …}, …]}`: a list of sets, one for each step of the window;
//! OpenCost's assets are one set without a list. The members of the outer object come in any order. The scanner knows
//! strings and brackets and nothing else of JSON: what a row says is its reader's matter. It holds one row at most, of
//! a bounded size, and looks at each byte once, however the answer is cut into chunks. Only [`Scanner::finish`] tells
//! whether the answer was whole and good: rows that came before are not to be used without it.

use std::borrow::Cow;

use crate::envelope::{AnswerFault, DataShape, Envelope, Excerpt};

/// The largest row that is taken, in bytes. Rows of real clusters have some thousands.
const ROW_LIMIT: usize = 16 * 1024 * 1024;

/// How much of a member of the outer object other than `data` is read; what is longer is passed over.
const MEMBER_LIMIT: usize = 64 * 1024;

/// One row of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The index of its set, counted from 0.
    pub set: u32,
    /// Its key within the set.
    pub key: Cow<'a, str>,
    /// The row itself: the text of a JSON object, brackets balanced.
    pub value: &'a str,
}

/// Why feeding stopped.
#[derive(Debug, thiserror::Error)]
pub enum FeedError<E> {
    /// The answer is not one.
    #[error(transparent)]
    Answer(#[from] AnswerFault),
    /// Whoever takes the rows does not go on.
    #[error("{0}")]
    Sink(E),
}

/// What the scanner waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The outer object.
    Start,
    /// A member's key, in the outer object or in a set; or the object's end. `first`: no comma is due.
    Key { first: bool },
    /// The colon after a key.
    Colon,
    /// A value.
    Value,
    /// A set in the list of `data`, or the list's end. `first`: no comma is due.
    Item { first: bool },
    /// Nothing but white space.
    End,
}

/// Which object the scanner is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Outer,
    Set { listed: bool },
}

/// Where within a value the scanner is: kept over the end of a chunk.
#[derive(Debug, Clone, Copy)]
struct Inside {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

/// Splits an answer into rows; see the [module](self).
#[derive(Debug)]
pub struct Scanner {
    buffer: Vec<u8>,
    /// Up to here the buffer is dealt with; what lies before is dropped with the next chunk.
    done: usize,
    /// Up to here the token under way has been looked at.
    seen: usize,
    inside: Option<Inside>,
    place: Place,
    level: Level,
    /// The key of the value under way, without quotes, as it is written.
    key: Vec<u8>,
    row_limit: usize,
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
    /// A scanner at the beginning of an answer.
    pub fn new() -> Self {
        Self {
            buffer: Vec::new(),
            done: 0,
            seen: 0,
            inside: None,
            place: Place::Start,
            level: Level::Outer,
            key: Vec::new(),
            row_limit: ROW_LIMIT,
            bytes: 0,
            excerpt: Excerpt::default(),
            envelope: Envelope::default(),
        }
    }

    /// Sets the largest row that is taken, in bytes; 16 MiB by default.
    #[must_use]
    pub fn with_row_limit(self, row_limit: usize) -> Self {
        Self { row_limit, ..self }
    }

    /// Bytes of the answer so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes of the answer, and gives the rows that they complete to `sink`.
    ///
    /// # Errors
    /// When the bytes cannot be part of an answer, or when `sink` fails. The scanner is then of no more use.
    pub fn feed<E>(
        &mut self,
        chunk: &[u8],
        sink: &mut impl FnMut(Entry<'_>) -> Result<(), E>,
    ) -> Result<(), FeedError<E>> {
        self.bytes += u64::try_from(chunk.len()).unwrap_or(0);
        self.excerpt.extend(chunk);
        self.buffer.drain(..self.done);
        self.seen -= self.done;
        self.done = 0;
        self.buffer.extend_from_slice(chunk);
        // The buffer is lent out while rows borrow from it.
        let buffer = std::mem::take(&mut self.buffer);
        let result = self.advance(&buffer, sink);
        self.buffer = buffer;
        result
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// When it was not whole, was no answer at all, or says itself that it is none.
    pub fn finish(mut self) -> Result<Envelope, AnswerFault> {
        if self.place != Place::End {
            return Err(match self.place {
                Place::Start if self.is_blank() => AnswerFault::Empty,
                Place::Start => AnswerFault::NotJson {
                    excerpt: self.excerpt.to_string(),
                },
                _ => AnswerFault::CutShort {
                    bytes: self.bytes,
                    rows: self.envelope.entries,
                    excerpt: self.excerpt.to_string(),
                },
            });
        }
        self.envelope.bytes = self.bytes;
        self.envelope.check(&self.excerpt)
    }

    fn is_blank(&self) -> bool {
        self.buffer.iter().all(u8::is_ascii_whitespace)
    }

    fn advance<E>(
        &mut self,
        buffer: &[u8],
        sink: &mut impl FnMut(Entry<'_>) -> Result<(), E>,
    ) -> Result<(), FeedError<E>> {
        loop {
            if self.inside.is_none() && self.place == Place::Value && !self.begin_value(buffer)? {
                return Ok(());
            }
            if self.inside.is_some() {
                let Some(end) = self.value_end(buffer)? else {
                    return Ok(());
                };
                let value = buffer.get(self.done..end).unwrap_or_default();
                self.take_value(value, sink)?;
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

    /// Passes over white space; the byte that follows.
    fn peek(&mut self, buffer: &[u8]) -> Option<u8> {
        let rest = buffer.get(self.done..)?;
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.go_to(self.done + blank);
        rest.get(blank).copied()
    }

    fn go_to(&mut self, position: usize) {
        self.done = position;
        self.seen = position;
    }

    /// One step between values. `false` where more bytes are needed.
    fn step(&mut self, buffer: &[u8]) -> Result<bool, AnswerFault> {
        const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
        let Some(byte) = self.peek(buffer) else {
            return Ok(false);
        };
        match (self.place, byte) {
            (Place::Start, b'{') => {
                self.go_to(self.done + 1);
                self.place = Place::Key { first: true };
            }
            (Place::Start, 0xEF) => {
                let rest = buffer.get(self.done..).unwrap_or_default();
                if rest.starts_with(BYTE_ORDER_MARK) {
                    self.go_to(self.done + BYTE_ORDER_MARK.len());
                } else if BYTE_ORDER_MARK.starts_with(rest) {
                    return Ok(false);
                } else {
                    return Err(self.unexpected());
                }
            }
            (Place::Key { first: false }, b',') => {
                self.go_to(self.done + 1);
                self.place = Place::Key { first: true };
            }
            (Place::Key { .. }, b'}') => {
                self.go_to(self.done + 1);
                self.place = match self.level {
                    Level::Outer => Place::End,
                    Level::Set { listed: true } => Place::Item { first: false },
                    Level::Set { listed: false } => self.back_to_outer(),
                };
            }
            (Place::Key { first: true }, b'"') => return self.take_key(buffer),
            (Place::Colon, b':') => {
                self.go_to(self.done + 1);
                self.place = Place::Value;
            }
            (Place::Item { first: false }, b',') => {
                self.go_to(self.done + 1);
                self.place = Place::Item { first: true };
            }
            (Place::Item { .. }, b']') => {
                self.go_to(self.done + 1);
                self.place = self.back_to_outer();
            }
            (Place::Item { first: true }, b'{') => {
                self.go_to(self.done + 1);
                self.envelope.sets += 1;
                self.level = Level::Set { listed: true };
                self.place = Place::Key { first: true };
            }
            (Place::Item { first: true }, b'n') => {
                if !self.take_null(buffer)? {
                    return Ok(false);
                }
                self.envelope.sets += 1;
                self.place = Place::Item { first: false };
            }
            (Place::Item { first: true }, _) => {
                return Err(self.shape("the list 'data' holds something else than sets of rows"));
            }
            _ => return Err(self.unexpected()),
        }
        Ok(true)
    }

    fn back_to_outer(&mut self) -> Place {
        self.level = Level::Outer;
        Place::Key { first: false }
    }

    /// The key that begins at `done`. `false` where more bytes are needed.
    fn take_key(&mut self, buffer: &[u8]) -> Result<bool, AnswerFault> {
        let mut inside = Inside {
            depth: 0,
            in_string: true,
            escaped: false,
        };
        let from = self.done + 1;
        match string_end(buffer, from, &mut inside) {
            Some(end) => {
                self.key.clear();
                self.key
                    .extend_from_slice(buffer.get(from..end - 1).unwrap_or_default());
                self.go_to(end);
                self.place = Place::Colon;
                Ok(true)
            }
            None if buffer.len() - self.done > MEMBER_LIMIT => Err(AnswerFault::RowTooLong {
                limit: MEMBER_LIMIT,
                rows: self.envelope.entries,
            }),
            None => Ok(false),
        }
    }

    /// Passes over `null`. `false` where more bytes are needed.
    fn take_null(&mut self, buffer: &[u8]) -> Result<bool, AnswerFault> {
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

    /// Looks at how a value begins. `false` where more bytes are needed.
    fn begin_value(&mut self, buffer: &[u8]) -> Result<bool, AnswerFault> {
        let Some(byte) = self.peek(buffer) else {
            return Ok(false);
        };
        if self.level == Level::Outer && self.key == b"data" {
            match byte {
                b'[' => {
                    self.envelope.shape = DataShape::List;
                    self.go_to(self.done + 1);
                    self.place = Place::Item { first: true };
                }
                b'{' => {
                    self.envelope.shape = DataShape::Object;
                    self.envelope.sets = 1;
                    self.go_to(self.done + 1);
                    self.level = Level::Set { listed: false };
                    self.place = Place::Key { first: true };
                }
                b'n' => {
                    if !self.take_null(buffer)? {
                        return Ok(false);
                    }
                    self.envelope.shape = DataShape::Null;
                    self.place = Place::Key { first: false };
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
        self.inside = Some(Inside {
            depth: 0,
            in_string: false,
            escaped: false,
        });
        Ok(true)
    }

    /// Where the value that begins at `done` ends; `None` where more bytes are needed.
    fn value_end(&mut self, buffer: &[u8]) -> Result<Option<usize>, AnswerFault> {
        let Some(mut inside) = self.inside else {
            return Ok(None);
        };
        let end = find_value_end(buffer, self.done, self.seen, &mut inside);
        self.inside = Some(inside);
        self.seen = end.unwrap_or(buffer.len());
        if self.seen - self.done > self.row_limit {
            return Err(AnswerFault::RowTooLong {
                limit: self.row_limit,
                rows: self.envelope.entries,
            });
        }
        Ok(end)
    }

    fn take_value<E>(
        &mut self,
        value: &[u8],
        sink: &mut impl FnMut(Entry<'_>) -> Result<(), E>,
    ) -> Result<(), FeedError<E>> {
        self.place = Place::Key { first: false };
        if self.level == Level::Outer {
            if value.len() <= MEMBER_LIMIT {
                self.envelope.member(&self.key, value);
            }
            return Ok(());
        }
        let not_utf8 = || AnswerFault::NotUtf8 {
            rows: self.envelope.entries,
        };
        let value = std::str::from_utf8(value).map_err(|_| not_utf8())?;
        if value == "null" {
            self.envelope.null_rows += 1;
            return Ok(());
        }
        if !value.starts_with('{') {
            return Err(self.shape("the entries of 'data' are not rows").into());
        }
        let key = std::str::from_utf8(&self.key).map_err(|_| not_utf8())?;
        let key = if key.contains('\\') {
            let text: String = serde_json::from_str(&format!("\"{key}\"")).map_err(|_| self.unexpected())?;
            Cow::Owned(text)
        } else {
            Cow::Borrowed(key)
        };
        let set = self.envelope.sets.saturating_sub(1);
        sink(Entry { set, key, value }).map_err(FeedError::Sink)?;
        self.envelope.entries += 1;
        Ok(())
    }

    fn unexpected(&self) -> AnswerFault {
        match self.place {
            Place::Start => AnswerFault::NotJson {
                excerpt: self.excerpt.to_string(),
            },
            Place::End => AnswerFault::Trailing {
                excerpt: self.excerpt.to_string(),
            },
            _ => AnswerFault::Malformed {
                rows: self.envelope.entries,
                excerpt: self.excerpt.to_string(),
            },
        }
    }

    fn shape(&self, what: &'static str) -> AnswerFault {
        AnswerFault::Shape {
            what,
            excerpt: self.excerpt.to_string(),
        }
    }
}

/// Where the value that begins at `begin` ends, looked at from `from` on. A scalar ends before the first byte that
/// cannot be part of it.
fn find_value_end(buffer: &[u8], begin: usize, from: usize, inside: &mut Inside) -> Option<usize> {
    let mut at = from;
    loop {
        if inside.in_string {
            at = string_end(buffer, at, inside)?;
            if inside.depth == 0 {
                return Some(at);
            }
        }
        let rest = buffer.get(at..)?;
        if inside.depth == 0 && at > begin {
            // A scalar: it has no brackets and no quotes.
            let length = rest
                .iter()
                .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b'}' | b']'))?;
            return Some(at + length);
        }
        at += rest
            .iter()
            .position(|byte| CLASS[usize::from(*byte)] || inside.depth == 0)?;
        match buffer.get(at)? {
            b'"' => inside.in_string = true,
            b'{' | b'[' => inside.depth += 1,
            b'}' | b']' => {
                inside.depth -= 1;
                if inside.depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Quotes and brackets.
const CLASS: [bool; 256] = {
    let mut class = [false; 256];
    let bytes = b"\"{}[]";
    let mut index = 0;
    while index < bytes.len() {
        class[bytes[index] as usize] = true;
        index += 1;
    }
    class
};

/// The position after the quote that ends a string, looked at from `from` on.
fn string_end(buffer: &[u8], from: usize, inside: &mut Inside) -> Option<usize> {
    let mut at = from;
    if inside.escaped && at < buffer.len() {
        inside.escaped = false;
        at += 1;
    }
    loop {
        let rest = buffer.get(at..)?;
        let found = at + quote_or_backslash(rest)?;
        if buffer.get(found) == Some(&b'"') {
            inside.in_string = false;
            return Some(found + 1);
        }
        at = found + 2;
        if at > buffer.len() {
            inside.escaped = true;
            return None;
        }
    }
}

/// Where the first quote or backslash is. Most strings are keys of some ten bytes, for which a call of a vectorised
/// search costs more than it saves: the first bytes are looked at here, eight at a time.
fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    const SHORT: usize = 32;
    const ONES: u64 = u64::MAX / 255;
    // The lowest byte that this marks is zero; above it others may be marked, too.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let (words, _) = bytes.get(..SHORT).unwrap_or_default().as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let from = words.len() * 8;
    memchr::memchr2(b'"', b'\\', bytes.get(from..)?).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    type Rows = Vec<(u32, String, Value)>;

    fn scan(answer: &[u8], chunk: usize) -> Result<(Rows, Envelope), AnswerFault> {
        let mut rows = Vec::new();
        let mut scanner = Scanner::new();
        for chunk in answer.chunks(chunk.max(1)) {
            scanner
                .feed(chunk, &mut |entry: Entry<'_>| {
                    let value = serde_json::from_str(entry.value).map_err(|error| error.to_string())?;
                    rows.push((entry.set, entry.key.into_owned(), value));
                    Ok::<_, String>(())
                })
                .map_err(|error| match error {
                    FeedError::Answer(fault) => fault,
                    FeedError::Sink(message) => panic!("{message}"),
                })?;
        }
        scanner.finish().map(|envelope| (rows, envelope))
    }

    proptest! {
        #[test]
        fn the_first_quote_or_backslash_is_found(bytes in prop::collection::vec(prop_oneof![4 => any::<u8>(), 1 => Just(b'!'), 1 => Just(b'"'), 1 => Just(b'\\')], 0..100), skip in 0_usize..40) {
            let plain = vec![b'#'; skip];
            let bytes = [plain, bytes].concat();
            let expected = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(quote_or_backslash(&bytes), expected);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(
            begins in prop_oneof![Just(""), Just("{\"data\":"), Just("{\"data\":[{"), Just("{\"code\":")],
            rest in r#"[{}\[\]",:\\a1n \-]{0,16}"#,
            chunk in 1_usize..20,
        ) {
            // What is no answer is refused, and what is none of JSON's never taken.
            let answer = format!("{begins}{rest}");
            if let Ok(envelope) = scan_any(answer.as_bytes(), chunk) {
                prop_assert!(envelope.shape != DataShape::Missing, "{answer}");
            }
        }
    }

    /// As [`scan`], whatever the rows are.
    fn scan_any(answer: &[u8], chunk: usize) -> Result<Envelope, AnswerFault> {
        let mut scanner = Scanner::new();
        for chunk in answer.chunks(chunk) {
            let fed = scanner.feed(chunk, &mut |_: Entry<'_>| Ok::<_, String>(()));
            match fed {
                Err(FeedError::Answer(fault)) => return Err(fault),
                other => other.unwrap(),
            }
        }
        scanner.finish()
    }

    fn fault(answer: &str) -> String {
        assert!(scan(answer.as_bytes(), 1).is_err(), "cut into bytes: {answer}");
        scan(answer.as_bytes(), usize::MAX).unwrap_err().to_string()
    }

    fn row() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            "[\\\\\"{}\\[\\],:a]{0,8}".prop_map(Value::from),
        ];
        let tree = leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        });
        prop::collection::btree_map("\\PC{0,6}", tree, 0..5).prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    fn set() -> impl Strategy<Value = Option<Map<String, Value>>> {
        let rows = prop::collection::btree_map("[\\PC\"\\\\]{0,8}", prop::option::weighted(0.9, row()), 0..5);
        prop::option::weighted(0.9, rows).prop_map(|rows| {
            rows.map(|rows| {
                rows.into_iter()
                    .map(|(key, row)| (key, row.unwrap_or_default()))
                    .collect()
            })
        })
    }

    proptest! {
        #[test]
        fn rows_are_the_same_however_the_answer_is_cut(
            sets in prop::collection::vec(set(), 0..4),
            chunk in 1_usize..40,
            data_first in any::<bool>(),
            pretty in any::<bool>(),
        ) {
            let data = Value::from(sets.iter().map(|set| set.clone().map_or(Value::Null, Value::Object)).collect::<Vec<_>>());
            let data = if pretty { serde_json::to_string_pretty(&data).unwrap() } else { data.to_string() };
            let answer = if data_first {
                format!(" {{\"data\": {data} , \"code\":200,\"status\":\"success\"}}\n")
            } else {
                format!("{{\"code\":200,\"x\":[{{\"data\":1}}],\"data\":{data}}}")
            };
            let (rows, envelope) = scan(answer.as_bytes(), chunk).unwrap();
            let mut expected: Rows = Vec::new();
            for (index, set) in sets.iter().enumerate() {
                for (key, row) in set.iter().flatten().filter(|(_, row)| !row.is_null()) {
                    expected.push((u32::try_from(index).unwrap(), key.clone(), row.clone()));
                }
            }
            prop_assert_eq!(&rows, &expected);
            prop_assert_eq!(envelope.entries, u64::try_from(expected.len()).unwrap());
            prop_assert_eq!(usize::try_from(envelope.sets).unwrap(), sets.len());
        }

        #[test]
        fn a_cut_answer_is_never_taken_for_a_whole_one(keep in 0.0_f64..1.0, chunk in 1_usize..40) {
            let answer = json!({ "code": 200, "data": [{ "a/b": { "name": "a\\\"}", "x": [1, { "y": "é" }] } }] }).to_string();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "within the text")]
            let length = (answer.len() as f64 * keep) as usize;
            prop_assert!(scan(&answer.as_bytes()[..length], chunk).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\ndatacoe1 \xC3\xA9".to_vec()), 0..60), chunk in 1_usize..8) {
            let _ = scan(&bytes, chunk);
        }
    }

    #[test]
    fn answers_without_data_have_no_rows() {
        for data in ["[]", "[{}]", "[null]", "{}", "[{},null]"] {
            let answer = format!("{{\"code\":200,\"status\":\"success\",\"data\":{data}}}");
            assert_eq!(scan(answer.as_bytes(), 3).unwrap().0, [], "{data}");
        }
    }

    #[test]
    fn one_object_is_one_set() {
        let (rows, envelope) = scan(br#"{"code":200,"data":{"k":{"type":"Node"},"n":null}}"#, 5).unwrap();
        assert_eq!(rows, [(0, "k".to_owned(), json!({ "type": "Node" }))]);
        assert_eq!((envelope.shape, envelope.null_rows), (DataShape::Object, 1));
    }

    #[test]
    fn what_is_no_answer_says_what_it_is() {
        insta::assert_snapshot!(
            [
                "",
                "<!DOCTYPE html><html>log in</html>",
                "Invalid 'window' parameter: illegal window: x\n{\"code\":500,\"data\":null}",
                "{\"code\":200,\"data\":[{\"a\":{\"name\":\"a\"",
                "{\"code\":500,\"data\":null,\"message\":\"Error: boundary error\"}",
                "{\"code\":200,\"data\":null}",
                "{\"code\":200,\"status\":\"success\"}",
                "{\"code\":200,\"data\":{\"step\":86400,\"sets\":[]}}",
                "{\"code\":200,\"data\":[[1]]}",
                "{\"code\":200,\"data\":\"x\"}",
                "{\"code\":200,\"data\":[]} and more",
                "{\"code\":200 \"data\":[]}",
                "{\"code\":}",
                "{\"code\":]}",
                "[1]",
            ]
            .map(fault)
            .join("\n"),
        );
    }

    #[test]
    fn a_row_without_end_is_bounded() {
        let mut scanner = Scanner::new().with_row_limit(1000);
        let mut sink = |_: Entry<'_>| Ok::<_, String>(());
        scanner.feed(b"{\"data\":[{\"a\":{\"b\":\"", &mut sink).unwrap();
        let error = (0..100)
            .find_map(|_| scanner.feed(&[b'x'; 100], &mut sink).err())
            .unwrap();
        assert!(error.to_string().contains("longer than 1000 bytes"), "{error}");
    }
}
