//! Texts as an Arrow array.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

/// Gathers texts. It begins each array with the room that the one before took: Arrow's own builder begins with none,
/// and spends more time on growing than on copying.
pub(crate) struct TextBuilder {
    bytes: Vec<u8>,
    /// Where each text ends. A batch has some megabytes.
    ends: Vec<i32>,
}

impl Default for TextBuilder {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            ends: vec![0],
        }
    }
}

impl TextBuilder {
    /// Adds a text; gives how many bytes it has.
    pub(crate) fn push(&mut self, text: &str) -> usize {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.end());
        text.len()
    }

    /// Adds the last texts once more, so many of them; gives how many bytes they have.
    pub(crate) fn repeat(&mut self, count: usize) -> usize {
        let first = self.ends.len().saturating_sub(count + 1);
        let (begin, end) = (self.ends[first], self.end());
        self.bytes.extend_from_within(usize::try_from(begin).unwrap_or(0)..);
        for index in first + 1..self.ends.len() {
            self.ends.push(self.ends[index].saturating_add(end - begin));
        }
        usize::try_from(end - begin).unwrap_or(0)
    }

    /// Where the last text ends. What does not fit is refused with the array.
    fn end(&self) -> i32 {
        i32::try_from(self.bytes.len()).unwrap_or(i32::MAX)
    }

    /// The texts that were added. There are none then.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let room = self.bytes.len() + self.bytes.len() / 8;
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(room));
        let mut ends = Vec::with_capacity(self.ends.len());
        ends.push(0);
        let ends = std::mem::replace(&mut self.ends, ends);
        if bytes.len() > i32::MAX as usize {
            return Err(ArrowError::OffsetOverflowError(bytes.len()));
        }
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        Ok(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes), None)?))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;

    use super::*;

    fn texts(array: &ArrayRef) -> Vec<&str> {
        let texts = array.as_any().downcast_ref::<StringArray>().unwrap();
        texts.iter().map(Option::unwrap).collect()
    }

    #[test]
    fn texts_are_added_and_repeated() {
        let mut builder = TextBuilder::default();
        assert_eq!(builder.repeat(0), 0);
        for text in ["a", "", "bcd"] {
            assert_eq!(builder.push(text), text.len());
        }
        assert_eq!(builder.repeat(2), 3);
        assert_eq!(builder.repeat(0), 0);
        assert_eq!(builder.repeat(5), 7);
        assert_eq!(builder.push("é"), 2);
        let array = builder.finish().unwrap();
        assert_eq!(
            texts(&array),
            ["a", "", "bcd", "", "bcd", "a", "", "bcd", "", "bcd", "é"]
        );
        assert_eq!(builder.push("x"), 1);
        assert_eq!(texts(&builder.finish().unwrap()), ["x"]);
        assert_eq!(texts(&builder.finish().unwrap()), [""; 0]);
    }
}
