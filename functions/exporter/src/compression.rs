//! Compresses a response while it streams by.

use std::io;

use zstd::{bulk::Compressor, zstd_safe::CParameter};

/// Responses are so repetitive that a higher level gains little, and the cluster pays for it.
const LEVEL: i32 = 1;

/// How much of the response is a frame of its own. Frames that are compressed at once take a fifth less time than one
/// frame that is compressed as it grows, and are 1.5 % larger. Readers of zstd read frame after frame.
const FRAME_BYTES: usize = 1024 * 1024;

/// Compresses bytes into frames of zstd with checksums.
pub(crate) struct Frames {
    compressor: Compressor<'static>,
    raw: Vec<u8>,
    compressed: Vec<u8>,
}

impl Frames {
    pub(crate) fn new() -> io::Result<Self> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self {
            compressor,
            raw: Vec::with_capacity(FRAME_BYTES),
            compressed: Vec::with_capacity(zstd::zstd_safe::compress_bound(FRAME_BYTES)),
        })
    }

    /// Takes the first of these bytes, and removes them. Gives a frame if it is full.
    pub(crate) fn take(&mut self, bytes: &mut &[u8]) -> io::Result<Option<&[u8]>> {
        let length = bytes.len().min(FRAME_BYTES - self.raw.len());
        let (taken, rest) = bytes.split_at(length);
        self.raw.extend_from_slice(taken);
        *bytes = rest;
        if self.raw.len() < FRAME_BYTES {
            return Ok(None);
        }
        self.compress().map(Some)
    }

    /// The last frame, which may be empty.
    pub(crate) fn finish(&mut self) -> io::Result<&[u8]> {
        self.compress()
    }

    fn compress(&mut self) -> io::Result<&[u8]> {
        self.compressed.clear();
        self.compressor.compress_to_buffer(&self.raw, &mut self.compressed)?;
        self.raw.clear();
        Ok(&self.compressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_is_what_came_however_it_came() {
        let bytes: Vec<u8> = (0..3 * FRAME_BYTES + 5).map(|index| (index % 251) as u8).collect();
        for (length, chunk, frames) in [
            (0, 1, 1),
            (10, 3, 1),
            (FRAME_BYTES, FRAME_BYTES, 2),
            (FRAME_BYTES + 1, 64 * 1024, 2),
            (bytes.len(), 1000, 4),
            (bytes.len(), usize::MAX, 4),
        ] {
            let mut stored = Vec::new();
            let mut found = 0;
            let mut compression = Frames::new().unwrap();
            for mut chunk in bytes[..length].chunks(chunk) {
                while !chunk.is_empty() {
                    if let Some(frame) = compression.take(&mut chunk).unwrap() {
                        stored.extend_from_slice(frame);
                        found += 1;
                    }
                }
            }
            stored.extend_from_slice(compression.finish().unwrap());
            assert_eq!(zstd::decode_all(&stored[..]).unwrap(), &bytes[..length], "{length}");
            assert_eq!(found + 1, frames);
        }
    }
}
