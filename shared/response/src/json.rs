//! Reads JSON that is in memory as a whole: short texts without escapes, decimal numbers and known keys, as rows have
//! them. It is a fast path beside `serde_json`, and rejects nothing by itself: what it does not read, `serde_json`
//! reads again, or says what is wrong with it. What it reads has the same values.

use std::fmt;

use serde::{
    de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use self::repeated::RepeatedTexts;
use crate::value::Skipped;

pub(crate) mod repeated;

/// How many arrays and objects may be within one another, plus one: as in `serde_json`.
const DEPTH: u8 = 128;

/// Reads a text as one value; `None` if it must be read by `serde_json` instead.
pub(crate) fn read<'a, S: DeserializeSeed<'a>>(text: &'a str, seed: S) -> Option<S::Value> {
    read_row(text, seed, &mut RepeatedTexts::default())
}

/// Reads a text as a row; as [`read`], with the objects of the row before.
pub(crate) fn read_row<'a, S: DeserializeSeed<'a>>(
    text: &'a str,
    seed: S,
    repeated: &mut RepeatedTexts,
) -> Option<S::Value> {
    let mut reader = Reader::new(text, repeated, DEPTH);
    reader.skip_blanks();
    let value = seed.deserialize(&mut reader).ok()?;
    reader.skip_blanks();
    (reader.at == text.len()).then_some(value)
}

/// Reads the value that a text begins with, within so many arrays and objects; and gives its length. `None` as in
/// [`read`], and if the text does not have all of it.
pub(crate) fn read_beginning<'a, S: DeserializeSeed<'a>>(
    text: &'a str,
    seed: S,
    repeated: &mut RepeatedTexts,
    depth: u8,
) -> Option<(S::Value, usize)> {
    let mut reader = Reader::new(text, repeated, DEPTH.checked_sub(depth)?);
    let value = seed.deserialize(&mut reader).ok()?;
    Some((value, reader.at))
}

/// Reads a text as one value by `serde_json`.
pub(crate) fn read_slowly<'a, S: DeserializeSeed<'a>>(text: &'a str, seed: S) -> Result<S::Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut deserializer)?;
    deserializer.end().map(|()| value)
}

/// Not read. `serde_json` says why.
#[derive(Debug)]
struct Unread;

impl fmt::Display for Unread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not read")
    }
}

impl std::error::Error for Unread {}

impl Error for Unread {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Reader<'a, 'r> {
    text: &'a str,
    at: usize,
    /// How many more arrays and objects may begin, plus one.
    depth: u8,
    repeated: &'r mut RepeatedTexts,
}

impl<'a, 'r> Reader<'a, 'r> {
    fn new(text: &'a str, repeated: &'r mut RepeatedTexts, depth: u8) -> Self {
        repeated.begin();
        Self {
            text,
            at: 0,
            depth,
            repeated,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Skips a byte, and blanks before it.
    fn expect(&mut self, byte: u8) -> Result<(), Unread> {
        self.skip_blanks();
        if self.peek() != Some(byte) {
            return Err(Unread);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), Unread> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(Unread);
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads the text whose quote is at `at`.
    fn string<V: Visitor<'a>>(&mut self, visitor: V) -> Result<V::Value, Unread> {
        let begin = self.at + 1;
        let end = string_stop(self.text.as_bytes(), begin).ok_or(Unread)?;
        if self.text.as_bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return visitor.visit_borrowed_str(self.text.get(begin..end).ok_or(Unread)?);
        }
        self.escaped_string(end, visitor)
    }

    /// Reads the text whose quote is at `at`, and whose first escape or control character is at `stop`.
    #[cold]
    fn escaped_string<V: Visitor<'a>>(&mut self, mut stop: usize, visitor: V) -> Result<V::Value, Unread> {
        let bytes = self.text.as_bytes();
        while bytes.get(stop) == Some(&b'\\') {
            stop = string_stop(bytes, stop + 2).ok_or(Unread)?;
        }
        let quoted = self.text.get(self.at..=stop).ok_or(Unread)?;
        let text: String = serde_json::from_str(quoted).map_err(|_| Unread)?;
        self.at = stop + 1;
        visitor.visit_str(&text)
    }

    fn number<V: Visitor<'a>>(&mut self, visitor: V) -> Result<V::Value, Unread> {
        let begin = self.at;
        // Most of a row's numbers.
        if let Some([b'0', b',' | b'}']) = self.text.as_bytes().get(begin..begin + 2) {
            self.at += 1;
            return visitor.visit_u64(0);
        }
        let Decimal {
            end,
            mantissa,
            digits,
            decimals,
            has_exponent,
        } = decimal(self.text.as_bytes(), begin).ok_or(Unread)?;
        self.at = end;
        let negative = self.text.as_bytes().get(begin) == Some(&b'-');
        // Beyond, the digits do not fit.
        const MOST_DIGITS: usize = 18;
        if has_exponent || digits > MOST_DIGITS {
            return self.long_number(begin, decimals == 0 && !has_exponent, visitor);
        }
        if decimals == 0 && !(negative && mantissa == 0) {
            return match i64::try_from(mantissa) {
                Ok(value) if negative => visitor.visit_i64(-value),
                _ => visitor.visit_u64(mantissa),
            };
        }
        let value = match POWERS_OF_TEN.get(decimals) {
            // Both are exact, so that the quotient is the nearest number.
            #[expect(clippy::cast_precision_loss, reason = "it is at most 2^53")]
            Some(power) if mantissa <= 1 << 53 => mantissa as f64 / power,
            _ => return self.long_number(begin, false, visitor),
        };
        visitor.visit_f64(if negative { -value } else { value })
    }

    /// The number from `begin` to here, as the standard library reads it. One that is too large is for `serde_json` to
    /// reject.
    #[cold]
    fn long_number<V: Visitor<'a>>(&self, begin: usize, is_integer: bool, visitor: V) -> Result<V::Value, Unread> {
        let digits = self.text.get(begin..self.at).ok_or(Unread)?;
        if is_integer && let Ok(value) = digits.parse() {
            return visitor.visit_u64(value);
        }
        if is_integer && let Ok(value) = digits.parse() {
            return visitor.visit_i64(value);
        }
        match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => visitor.visit_f64(value),
            _ => Err(Unread),
        }
    }

    /// Checks the value here, and passes over it.
    fn skip(&mut self) -> Result<(), Unread> {
        match self.peek() {
            Some(b'"') => self.skip_string(),
            Some(b'-' | b'0'..=b'9') => self.number(Skipped).map(|_| ()),
            Some(b'n') => self.word("null"),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(open @ (b'{' | b'[')) => self.within(|reader| {
                let mut first = true;
                let close = if open == b'{' { b'}' } else { b']' };
                while reader.has_next(&mut first, close)? {
                    if open == b'{' {
                        if reader.peek() != Some(b'"') {
                            return Err(Unread);
                        }
                        reader.skip_string()?;
                        reader.expect(b':')?;
                        reader.skip_blanks();
                    }
                    reader.skip()?;
                }
                Ok(())
            }),
            _ => Err(Unread),
        }
    }

    fn skip_string(&mut self) -> Result<(), Unread> {
        self.string(Skipped).map(|_| ())
    }

    /// Whether an item follows in an array or object that `close` ends; skips the comma before it, or the end.
    fn has_next(&mut self, first: &mut bool, close: u8) -> Result<bool, Unread> {
        self.skip_blanks();
        let byte = self.peek();
        if byte == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        if std::mem::take(first) {
            return Ok(true);
        }
        if byte != Some(b',') {
            return Err(Unread);
        }
        self.at += 1;
        self.skip_blanks();
        Ok(true)
    }
}

/// A number as it is written.
struct Decimal {
    /// The position after it.
    end: usize,
    /// Its digits without the point, if they fit.
    mantissa: u64,
    digits: usize,
    /// How many of the digits are after the point.
    decimals: usize,
    has_exponent: bool,
}

/// Reads the number that begins here; `None` if there is none.
fn decimal(bytes: &[u8], begin: usize) -> Option<Decimal> {
    // The position after the digits, of which there must be one, and the number that they continue.
    let digits = |from: usize, mut number: u64| {
        let mut at = from;
        for byte in bytes.get(from..)? {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        (at > from).then_some((at, number))
    };
    let first = begin + usize::from(bytes.get(begin) == Some(&b'-'));
    let (mut end, mut mantissa) = if bytes.get(first) == Some(&b'0') {
        (first + 1, 0)
    } else {
        digits(first, 0)?
    };
    let mut number = end - first;
    let mut decimals = 0;
    if bytes.get(end) == Some(&b'.') {
        let point = end;
        (end, mantissa) = digits(point + 1, mantissa)?;
        decimals = end - point - 1;
        number += decimals;
    }
    let has_exponent = matches!(bytes.get(end), Some(b'e' | b'E'));
    if has_exponent {
        end += 1;
        end += usize::from(matches!(bytes.get(end), Some(b'+' | b'-')));
        (end, _) = digits(end, 0)?;
    }
    Some(Decimal {
        end,
        mantissa,
        digits: number,
        decimals,
        has_exponent,
    })
}

const POWERS_OF_TEN: [f64; 19] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
];

/// Whether two texts of the same length are the same. Nearly all are short, for which calling a comparison costs more
/// than comparing.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ends = |bytes: &[u8]| {
        let (first, last) = (bytes.first_chunk::<8>()?, bytes.last_chunk::<8>()?);
        Some((u64::from_le_bytes(*first), u64::from_le_bytes(*last)))
    };
    match (ends(one), ends(other)) {
        (Some(one_ends), Some(other_ends)) if one.len() <= 16 => one_ends == other_ends,
        (Some(one_ends), Some(other_ends)) => one_ends == other_ends && one[8..] == other[8..],
        _ => one == other,
    }
}

/// Where the first quote, backslash or control character is, from a position on. Eight bytes are looked at together.
fn string_stop(bytes: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // The lowest byte that this marks is below `limit`, at most 0x80; above it others may be marked, too.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let rest = bytes.get(from..)?;
    let (words, tail) = rest.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let found = (quote | backslash | below(word, u64::from(b' '))) & HIGH;
        if found != 0 {
            return Some(from + index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let stop = tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '))?;
    Some(from + words.len() * 8 + stop)
}

impl<'de> Deserializer<'de> for &mut Reader<'de, '_> {
    type Error = Unread;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.peek() {
            Some(b'"') => self.string(visitor),
            Some(b'-' | b'0'..=b'9') => self.number(visitor),
            Some(b'{') => self.within(|reader| {
                let mut ended = false;
                let value = visitor.visit_map(Items::new(reader, &mut ended))?;
                if ended { Ok(value) } else { Err(Unread) }
            }),
            Some(b'[') => self.within(|reader| {
                let mut ended = false;
                let value = visitor.visit_seq(Items::new(reader, &mut ended))?;
                if ended { Ok(value) } else { Err(Unread) }
            }),
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_unit()),
            Some(b't') => self.word("true").and_then(|()| visitor.visit_bool(true)),
            Some(b'f') => self.word("false").and_then(|()| visitor.visit_bool(false)),
            _ => Err(Unread),
        }
    }

    /// Reads a key: gives none if it is the expected one.
    fn deserialize_unit_struct<V: Visitor<'de>>(self, expected: &'static str, visitor: V) -> Result<V::Value, Unread> {
        let bytes = self.text.as_bytes();
        let end = self.at + 1 + expected.len();
        if bytes.get(end) == Some(&b'"')
            && is_same(bytes.get(self.at + 1..end).unwrap_or_default(), expected.as_bytes())
        {
            self.at = end + 1;
            return visitor.visit_unit();
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Unread> {
        if name == Skipped::NAME {
            return self.skip().and_then(|()| visitor.visit_unit());
        }
        if let Some(end) = self.repeated.read(name, self.text, self.at) {
            self.at = end;
            return visitor.visit_unit();
        }
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'a> Reader<'a, '_> {
    /// Reads what an opening bracket begins.
    fn within<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Unread>) -> Result<T, Unread> {
        self.depth -= 1;
        if self.depth == 0 {
            return Err(Unread);
        }
        self.at += 1;
        let value = read(self)?;
        self.depth += 1;
        Ok(value)
    }
}

/// The items of an array, or the members of an object.
struct Items<'i, 'r, 'a> {
    reader: &'i mut Reader<'a, 'r>,
    first: bool,
    /// Whether all were read, and the closing bracket.
    ended: &'i mut bool,
}

impl<'i, 'r, 'a> Items<'i, 'r, 'a> {
    fn new(reader: &'i mut Reader<'a, 'r>, ended: &'i mut bool) -> Self {
        Self {
            reader,
            first: true,
            ended,
        }
    }
}

impl<'a> MapAccess<'a> for Items<'_, '_, 'a> {
    type Error = Unread;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Unread> {
        if !self.reader.has_next(&mut self.first, b'}')? {
            *self.ended = true;
            return Ok(None);
        }
        if self.reader.peek() != Some(b'"') {
            return Err(Unread);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Unread> {
        self.reader.expect(b':')?;
        self.reader.skip_blanks();
        seed.deserialize(&mut *self.reader)
    }
}

impl<'a> SeqAccess<'a> for Items<'_, '_, 'a> {
    type Error = Unread;

    fn next_element_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, Unread> {
        if !self.reader.has_next(&mut self.first, b']')? {
            *self.ended = true;
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

#[cfg(test)]
mod tests;
