//! Texts as numbers: a lake repeats the same few thousand names in millions of rows.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A text's number.
pub(crate) type Id = u32;

/// The number of the empty text.
pub(crate) const EMPTY: Id = 0;

/// All texts of a reading, each once.
#[derive(Debug)]
pub(crate) struct Names {
    ids: HashMap<Box<str>, Id>,
    texts: Vec<Box<str>>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            ids: HashMap::from([("".into(), EMPTY)]),
            texts: vec!["".into()],
        }
    }
}

impl Names {
    pub(crate) fn id(&mut self, text: &str) -> Id {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = Id::try_from(self.texts.len()).unwrap_or(Id::MAX);
        self.ids.insert(text.into(), id);
        self.texts.push(text.into());
        id
    }

    pub(crate) fn text(&self, id: Id) -> &str {
        self.texts.get(id as usize).map_or("", AsRef::as_ref)
    }
}

/// A fast hash of small numbers. The keys are our own, so nobody can choose them to collide.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// A map by numbers.
pub(crate) type ByNumbers<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;
