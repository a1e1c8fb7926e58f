//! Mutations of an input: bytes, pieces of itself and of others, and words of the formats.

use fastrand::Rng;

/// Inputs longer than this are cut: what is long is slow, and says no more.
const LONGEST: usize = 8 * 1024;

/// What the formats give a meaning.
const WORDS: [&[u8]; 64] = [
    b"null",
    b"true",
    b"false",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\ud83d\\ude00",
    b"0",
    b"-",
    b"-0",
    b"1e999",
    b"1e-400",
    b"0.1",
    b"9007199254740993",
    b"18446744073709551616",
    b"-9223372036854775808",
    b"NaN",
    b"inf",
    b"\"NaN\"",
    b"\"1.5\"",
    b"\" 7 \"",
    b"\"None\"",
    b"\"<nil>\"",
    b"\"\"",
    b"\"cpuCost\":",
    b"\"totalCost\":null",
    b"\"minutes\":",
    b"\"window\":",
    b"\"properties\":",
    b"\"labels\":",
    b"\"pvs\":",
    b"\"gpuAllocation\":",
    b"\"rawAllocationOnly\":",
    b"\"data\":",
    b"\"code\":",
    b"\"version\":1",
    b"\"version\":2",
    b"\xff",
    b"\xc3",
    b"\xf0\x9f\xa6\x80",
    b"\0",
    b"\n",
    b" ",
    b"/",
    b"//",
    b"..",
    b"%",
    b"%2F",
    b"+",
    b"=",
    b"_",
    b".json",
    b".zst",
    b"PAR1",
    b"\x00\x00\x00\x80",
    b"\xff\xff\xff\x7f",
    b"2026-02-30",
];

/// A mutation of one of the seeds.
pub(crate) fn mutated(seeds: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut input = pick(seeds, random).to_vec();
    // Few mutations mostly, so that what is around them is still valid.
    let mutations = match random.u8(..) {
        0..8 => 0,
        8..120 => 1,
        120..200 => 2,
        200..240 => random.usize(3..8),
        _ => random.usize(8..64),
    };
    for _ in 0..mutations {
        mutate(&mut input, seeds, random);
    }
    input.truncate(LONGEST);
    input
}

fn pick<'a>(seeds: &'a [Vec<u8>], random: &mut Rng) -> &'a [u8] {
    random.choice(seeds).map_or(&[], Vec::as_slice)
}

/// A piece of some bytes, mostly a short one.
fn piece(bytes: &[u8], random: &mut Rng) -> std::ops::Range<usize> {
    if bytes.is_empty() {
        return 0..0;
    }
    let start = random.usize(..bytes.len());
    let most = match random.u8(..) {
        0..100 => 4,
        100..200 => 40,
        _ => bytes.len(),
    };
    start..(start + random.usize(..=most)).min(bytes.len())
}

fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Rng) {
    let at = random.usize(..=input.len());
    match random.u8(..12) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.u8(..);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.u8(..8);
            }
        }
        2 => input.insert(at, random.u8(..)),
        3 => {
            let range = piece(input, random);
            input.drain(range);
        }
        4 => {
            let copied = input[piece(input, random)].to_vec();
            input.splice(at..at, copied);
        }
        5 => {
            let other = pick(seeds, random);
            let range = piece(other, random);
            input.splice(at..at, other[range].to_vec());
        }
        6 => input.truncate(at),
        7 => {
            // One number for another.
            if let Some(offset) = input[at..].iter().position(u8::is_ascii_digit) {
                input[at + offset] = b'0' + random.u8(..10);
            }
        }
        8 => {
            let (from, word) = (piece(input, random), random.choice(WORDS).unwrap_or_default());
            input.splice(from, word.iter().copied());
        }
        _ => {
            let word = random.choice(WORDS).unwrap_or_default();
            input.splice(at..at, word.iter().copied());
        }
    }
}
