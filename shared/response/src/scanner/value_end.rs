//! Finding the end of a value, a string or valid text, and the members of an object, without parsing them.

use std::{borrow::Cow, ops::Range};

/// Where within a value the scanner is: kept over the end of a chunk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Inside {
    pub(super) depth: usize,
    pub(super) deepest: usize,
    pub(super) in_string: bool,
    pub(super) escaped: bool,
}

/// Where the value that begins at `begin` ends, searched from `from` on. A scalar ends before the first byte that
/// cannot be part of it.
pub(super) fn find_value_end(buffer: &[u8], begin: usize, from: usize, inside: &mut Inside) -> Option<usize> {
    let mut at = from;
    let mut block_end = from;
    loop {
        if inside.depth > 0 && !inside.escaped && at >= block_end {
            at = pass_over_blocks(buffer, at, &mut inside.in_string);
            block_end = at + BLOCK;
        }
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
                .position(|byte| is_blank(*byte) || matches!(byte, b',' | b'}' | b']'))?;
            return Some(at + length);
        }
        at += rest
            .iter()
            .position(|byte| CLASS[usize::from(*byte)] || inside.depth == 0)?;
        match buffer.get(at)? {
            b'"' => inside.in_string = true,
            b'{' | b'[' => {
                inside.depth += 1;
                inside.deepest = inside.deepest.max(inside.depth);
            }
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

/// Bytes that are looked at together.
const BLOCK: usize = 32;

/// Passes over the bytes from `at` on, within an object, as long as there are neither brackets nor escapes among them,
/// and so no end of a value.
fn pass_over_blocks(buffer: &[u8], mut at: usize, in_string: &mut bool) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let (blocks, _) = buffer.get(at..).unwrap_or_default().as_chunks::<BLOCK>();
    for block in blocks {
        let (mut special, mut quotes) = (0, 0);
        for word in block.as_chunks::<8>().0 {
            let word = u64::from_le_bytes(*word);
            // Without bit 5, `{`, `|` and `}` are `[`, `\` and `]`. The high bit says that a byte is at least the
            // first, and not above the last. Bytes beyond ASCII may be taken for them.
            let bytes = word & (ONES * 0x5f);
            special |= (bytes + ONES * u64::from(0x80 - b'[')) & !(bytes + ONES * u64::from(0x7f - b']'));
            // The high bit says that a byte is no quote. There is an even number of bytes.
            let other = word ^ (ONES * u64::from(b'"'));
            quotes ^= ((other & !HIGH) + !HIGH) | other;
        }
        if special & HIGH != 0 {
            break;
        }
        *in_string ^= (quotes & HIGH).count_ones() % 2 == 1;
        at += BLOCK;
    }
    at
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    /// Where it begins: the quote before its key.
    pub(crate) begin: usize,
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: Range<usize>,
}

/// The members of the object that begins at a position of valid JSON; none if another value does.
pub(crate) fn members(json: &[u8], object: usize) -> impl Iterator<Item = Member<'_>> {
    let mut next = (json.get(object) == Some(&b'{')).then_some(object + 1);
    std::iter::from_fn(move || {
        let member = member(json, next?);
        next = member.as_ref().map(|member| member.value.end);
        member
    })
}

/// The member that follows a brace or another member.
fn member(json: &[u8], from: usize) -> Option<Member<'_>> {
    let skip = |from: usize, skipped: fn(u8) -> bool| {
        let rest = json.get(from..)?;
        Some(from + rest.iter().take_while(|byte| skipped(**byte)).count())
    };
    let begin = skip(from, |byte| is_blank(byte) || byte == b',')?;
    if json.get(begin) != Some(&b'"') {
        return None;
    }
    let key_end = string_end(json, begin + 1, &mut Inside::default())?;
    let quoted = json.get(begin..key_end)?;
    let key = if quoted.contains(&b'\\') {
        Cow::Owned(serde_json::from_slice(quoted).ok()?)
    } else {
        Cow::Borrowed(std::str::from_utf8(json.get(begin + 1..key_end - 1)?).ok()?)
    };
    let value = skip(key_end, |byte| is_blank(byte) || byte == b':')?;
    let end = find_value_end(json, value, value, &mut Inside::default())?;
    Some(Member {
        begin,
        key,
        value: value..end,
    })
}

/// What JSON counts as white space.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
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

/// The position after the quote that ends a string, searched from `from` on.
pub(super) fn string_end(buffer: &[u8], from: usize, inside: &mut Inside) -> Option<usize> {
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

/// Where the first quote or backslash is. Most strings are keys of about ten bytes, for which calling a vectorised
/// search costs more than it saves: the first bytes are searched here, eight at a time.
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

/// The text that bytes begin with.
pub(super) fn valid_text(bytes: &[u8]) -> &str {
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => return text,
        Err(error) => error.valid_up_to(),
    };
    let valid = bytes.get(..valid).unwrap_or_default();
    std::str::from_utf8(valid).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_end_of_an_object_is_found_however_its_bytes_come(
            texts in prop::collection::vec("[a-z{}\\[\\]\"\\\\é|_ ]{0,60}", 0..8),
            depth in 0_usize..4,
            cut in 1_usize..80,
        ) {
            let text = serde_json::to_string(&texts).unwrap();
            let object = format!("{}{{\"a\":{text},\"b\":{{}},\"cccccccccccccccccccccccccccccccccc\":1.5}}{}", "{\"k\":".repeat(depth), "}".repeat(depth));
            let all = format!("{object},\"next\":{{}}");
            let mut inside = Inside::default();
            let mut from = 0;
            let mut found = None;
            while found.is_none() && from < all.len() {
                let length = (from + cut).min(all.len());
                found = find_value_end(&all.as_bytes()[..length], 0, from, &mut inside);
                from = length;
            }
            prop_assert_eq!(found, Some(object.len()));
        }

        /// Whole blocks, up to the first that has a bracket or an escape; only ASCII is distinguished.
        #[test]
        fn blocks_without_brackets_and_escapes_are_passed_over(bytes in "[ -~]{0,40}[ -Z^-z~|\u{7f}]{0,100}[ -~]{0,40}", in_string in any::<bool>()) {
            let bytes = bytes.as_bytes();
            let is_special = |byte: &u8| matches!(byte & 0x5f, b'['..=b']');
            let (blocks, _) = bytes.as_chunks::<BLOCK>();
            let passed = blocks.iter().take_while(|block| !block.iter().any(is_special)).count() * BLOCK;
            let quotes = bytes[..passed].iter().filter(|byte| **byte == b'"').count();
            let mut found = in_string;
            prop_assert_eq!(pass_over_blocks(bytes, 0, &mut found), passed);
            prop_assert_eq!(found, in_string ^ (quotes % 2 == 1));
        }

        #[test]
        fn the_first_quote_or_backslash_is_found(bytes in prop::collection::vec(prop_oneof![4 => any::<u8>(), 1 => Just(b'!'), 1 => Just(b'"'), 1 => Just(b'\\')], 0..100), skip in 0_usize..40) {
            let plain = vec![b'#'; skip];
            let bytes = [plain, bytes].concat();
            let expected = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(quote_or_backslash(&bytes), expected);
        }
    }
}
