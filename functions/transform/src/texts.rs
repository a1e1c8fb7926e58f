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
        // What does not fit is refused with the array.
        self.ends.push(i32::try_from(self.bytes.len()).unwrap_or(i32::MAX));
        text.len()
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
