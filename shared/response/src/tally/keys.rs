//! The keys of rows, to find one that comes twice.

use std::{
    collections::HashSet,
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
};

/// How many keys are in a table that finds a second one at once: 1.2 MiB, and half as much again while it grows.
pub(super) const MOST_IN_TABLE: usize = (1 << 17) / 8 * 7;
/// How many more can be remembered: 128 MiB.
const MOST_IN_LIST: usize = 1 << 24;

/// Keys, by hashes with a secret of the process: that two of ten million keys have the same has a probability of
/// 1 in 300,000.
///
/// Go writes the members of an object in the order of their keys, byte by byte, and so do both sources. As long as each
/// key is greater than all before, none can come twice, and none needs to be remembered.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    hasher: RandomState,
    table: HashSet<u64, BuildHasherDefault<Hashed>>,
    /// The greatest set, and the greatest key within it.
    greatest: Option<(u32, String)>,
    /// The keys that the table has no room for, 8 bytes each; `None` where they are not remembered.
    list: Option<Vec<u64>>,
}

/// What is there of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    New,
    Repeated,
    /// It is neither in the table nor after all others: it may be one that was not remembered.
    Unknown,
}

impl Keys {
    /// No keys. Those that the table has no room for are not remembered.
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            table: HashSet::default(),
            greatest: None,
            list: None,
        }
    }

    /// No keys, to be compared with these and added to them.
    pub(super) fn next(&self) -> Self {
        Self {
            hasher: self.hasher.clone(),
            table: HashSet::default(),
            greatest: None,
            list: self.list.as_ref().map(|_| Vec::new()),
        }
    }

    /// Remembers all keys from now on.
    pub(super) fn remember_all(&mut self) {
        self.list.get_or_insert_default();
    }

    pub(super) fn note(&mut self, set: u32, key: &str) -> Noted {
        let is_after = self
            .greatest
            .as_ref()
            .is_none_or(|(last, greatest)| (*last, greatest.as_str()) < (set, key));
        if is_after {
            let (last, greatest) = self.greatest.get_or_insert_default();
            *last = set;
            key.clone_into(greatest);
        }
        let has_room = self.table.len() < MOST_IN_TABLE;
        if is_after && !has_room && self.list.is_none() {
            return Noted::New;
        }
        let hash = self.hasher.hash_one((set, key));
        if has_room {
            return if self.table.insert(hash) {
                Noted::New
            } else {
                Noted::Repeated
            };
        }
        if self.table.contains(&hash) {
            return Noted::Repeated;
        }
        match &mut self.list {
            Some(list) if list.len() < MOST_IN_LIST => {
                list.push(hash);
                Noted::New
            }
            _ => Noted::Unknown,
        }
    }

    /// Whether a key of the list is there twice.
    pub(super) fn list_repeats(&mut self) -> bool {
        let Some(list) = &mut self.list else { return false };
        list.sort_unstable();
        list.windows(2).any(|pair| pair[0] == pair[1])
    }

    pub(super) fn len(&self) -> usize {
        self.table.len() + self.list.as_ref().map_or(0, Vec::len)
    }

    /// How many keys of the table are also in another's.
    pub(super) fn in_common(&self, other: &Self) -> usize {
        self.table.intersection(&other.table).count()
    }

    /// Adds the keys of a page.
    pub(super) fn add(&mut self, page: Self) {
        if self.table.is_empty() {
            self.table = page.table;
        } else {
            let room = MOST_IN_TABLE.saturating_sub(self.table.len());
            let mut keys = page.table.into_iter();
            self.table.extend(keys.by_ref().take(room));
            if let Some(list) = &mut self.list {
                list.extend(keys);
            }
        }
        if let (Some(list), Some(more)) = (&mut self.list, page.list) {
            list.extend(more);
        }
        self.greatest = self.greatest.take().max(page.greatest);
    }
}

/// A number that is a hash already.
#[derive(Debug, Clone, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_twice_is_found_in_the_table_and_in_the_list() {
        let mut keys = Keys::new();
        keys.remember_all();
        assert_eq!(MOST_IN_TABLE, 114_688, "as documents say");
        let key = |number: usize| format!("cluster/node/namespace/pod-{number}");
        for number in 0..MOST_IN_TABLE {
            assert_eq!(keys.note(0, &key(number)), Noted::New);
        }
        assert_eq!(keys.note(0, &key(7)), Noted::Repeated);
        assert_eq!(keys.note(1, &key(7)), Noted::New);
        assert_eq!(keys.note(1, &key(8)), Noted::New);
        assert!(!keys.list_repeats());
        assert_eq!(keys.note(1, &key(7)), Noted::New);
        assert!(keys.list_repeats());
        assert_eq!(keys.len(), MOST_IN_TABLE + 3);
    }

    #[test]
    fn bytes_that_are_no_hash_are_distinguished_too() {
        let hash = |bytes: &[u8]| {
            let mut hasher = Hashed::default();
            hasher.write(bytes);
            hasher.finish()
        };
        assert_eq!((hash(b""), hash(&[1]), hash(&[1, 2, 3])), (0, 1, 0x01_0203));
        assert_eq!(hash(&[3, 0, 0, 0, 0, 0, 0, 0, 1]), 2);
    }

    #[test]
    fn without_a_list_keys_in_order_are_new_whatever_their_number() {
        let mut keys = Keys::new();
        let key = |number: usize| format!("pod-{number:08}");
        for number in 0..MOST_IN_TABLE + 1000 {
            assert_eq!(keys.note(0, &key(number)), Noted::New);
        }
        assert_eq!(keys.len(), MOST_IN_TABLE);
        // In the table; not in it; the greatest.
        assert_eq!(keys.note(0, &key(5)), Noted::Repeated);
        assert_eq!(keys.note(0, &key(MOST_IN_TABLE + 5)), Noted::Unknown);
        assert_eq!(keys.note(0, &key(MOST_IN_TABLE + 999)), Noted::Unknown);
        // The next set begins again, and after it the one before is out of order.
        assert_eq!(keys.note(1, &key(0)), Noted::New);
        assert_eq!(keys.note(0, &key(MOST_IN_TABLE + 2000)), Noted::Unknown);
    }

    #[test]
    fn the_keys_of_a_page_continue_those_before_only_if_they_are_after_them() {
        let key = |number: usize| format!("pod-{number:08}");
        let mut keys = Keys::new();
        for number in 0..MOST_IN_TABLE {
            keys.note(0, &key(2 * number));
        }
        let mut page = keys.next();
        assert_eq!(page.note(0, &key(3)), Noted::New);
        assert_eq!(page.note(0, &key(2 * MOST_IN_TABLE)), Noted::New);
        keys.add(page);
        assert_eq!(keys.note(0, &key(2 * MOST_IN_TABLE + 1)), Noted::New);
        assert_eq!(keys.note(0, &key(2 * MOST_IN_TABLE)), Noted::Unknown);
    }
}
