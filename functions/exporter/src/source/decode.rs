//! Responses that are compressed although that was not asked for, as some proxies send them.

use std::io::{self, Write};

use bytes::{Buf, Bytes};
use flate2::write::MultiGzDecoder;
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, Operation};

/// At most so many bytes are decoded at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The largest window of zstd, as a power of two: 8 MiB, as RFC 9659 allows over HTTP.
const LARGEST_WINDOW: u32 = 23;

/// A body may become so many times its size, and this much in any case. Costs shrink by 10 to 100 times.
const MOST_EXPANSION: u64 = 1_000;
const ALWAYS_ALLOWED: u64 = 16 * 1024 * 1024;

/// Why a compressed body cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error(
        "the response is compressed with '{0}', although that was not asked for: have the proxy in front of the source send it as it is"
    )]
    Unknown(String),
    #[error("the response is not valid {name}: {source}")]
    Invalid { name: &'static str, source: io::Error },
    #[error("the compressed response ended before its end")]
    CutShort,
    #[error("the response becomes more than {MOST_EXPANSION} times its size when it is decoded: it is not a source's")]
    TooLarge,
}

/// A decoder of one body.
pub(super) struct Decoder {
    format: Format,
    input: Bytes,
    /// More may come of the input so far.
    pending: bool,
    received: u64,
    decoded: u64,
}

enum Format {
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zstd {
        decoder: Box<ZstdDecoder<'static>>,
        within_frame: bool,
    },
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Decoder").field("format", &self.name()).finish()
    }
}

impl Decoder {
    /// The decoder for a `Content-Encoding`; `None` where the body is sent as it is.
    pub(super) fn of_encoding(encoding: &str) -> Result<Option<Self>, DecodeError> {
        match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Self::gzip())),
            "zstd" => Self::zstd().map(Some),
            _ => Err(DecodeError::Unknown(encoding.chars().take(50).collect())),
        }
    }

    /// The decoder for a body without `Content-Encoding`, by its first bytes. Neither beginning is JSON's.
    pub(super) fn of_beginning(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        match bytes {
            [0x1f, 0x8b, ..] => Ok(Some(Self::gzip())),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::zstd().map(Some),
            _ => Ok(None),
        }
    }

    fn gzip() -> Self {
        Self::new(Format::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))))
    }

    fn zstd() -> Result<Self, DecodeError> {
        let invalid = |source| DecodeError::Invalid { name: "zstd", source };
        let mut decoder = ZstdDecoder::new().map_err(invalid)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(LARGEST_WINDOW))
            .map_err(invalid)?;
        Ok(Self::new(Format::Zstd {
            decoder: Box::new(decoder),
            within_frame: false,
        }))
    }

    fn new(format: Format) -> Self {
        Self {
            format,
            input: Bytes::new(),
            pending: false,
            received: 0,
            decoded: 0,
        }
    }

    fn name(&self) -> &'static str {
        match self.format {
            Format::Gzip(_) => "gzip",
            Format::Zstd { .. } => "zstd",
        }
    }

    /// Takes the next bytes of the body, after [`Decoder::next`] has given all of those before.
    pub(super) fn push(&mut self, bytes: Bytes) {
        self.received += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.pending = !bytes.is_empty();
        self.input = bytes;
    }

    /// The next decoded bytes; `None` where more input is needed.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let name = self.name();
        let invalid = |source| DecodeError::Invalid { name, source };
        while self.pending {
            let piece = match &mut self.format {
                Format::Gzip(decoder) => {
                    let read = decoder.write(&self.input).map_err(invalid)?;
                    self.input.advance(read);
                    self.pending = !self.input.is_empty();
                    decoder.flush().map_err(invalid)?;
                    std::mem::take(decoder.get_mut())
                }
                Format::Zstd { decoder, within_frame } => {
                    let mut piece = vec![0; PIECE_BYTES];
                    let status = decoder.run_on_buffers(&self.input, &mut piece).map_err(invalid)?;
                    self.input.advance(status.bytes_read);
                    *within_frame = status.remaining != 0;
                    // A full piece: the decoder may hold more.
                    self.pending = !self.input.is_empty() || status.bytes_written == PIECE_BYTES;
                    piece.truncate(status.bytes_written);
                    piece
                }
            };
            if !piece.is_empty() {
                return self.count(piece).map(Some);
            }
        }
        Ok(None)
    }

    /// Ends the body; gives what is left.
    pub(super) fn finish(&mut self) -> Result<Option<Bytes>, DecodeError> {
        if self.received == 0 {
            return Ok(None);
        }
        let rest = match &mut self.format {
            Format::Gzip(decoder) => {
                decoder.try_finish().map_err(|_| DecodeError::CutShort)?;
                std::mem::take(decoder.get_mut())
            }
            Format::Zstd { within_frame: true, .. } => return Err(DecodeError::CutShort),
            Format::Zstd { .. } => Vec::new(),
        };
        if rest.is_empty() {
            return Ok(None);
        }
        self.count(rest).map(Some)
    }

    fn count(&mut self, piece: Vec<u8>) -> Result<Bytes, DecodeError> {
        self.decoded += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if self.decoded > ALWAYS_ALLOWED.max(self.received.saturating_mul(MOST_EXPANSION)) {
            return Err(DecodeError::TooLarge);
        }
        Ok(piece.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// The decoded body, and the largest piece.
    fn decode(encoding: &str, body: &[u8], chunk: usize) -> Result<(Vec<u8>, usize), DecodeError> {
        let mut decoder = Decoder::of_encoding(encoding)?.unwrap();
        let (mut decoded, mut largest) = (Vec::new(), 0);
        for chunk in body.chunks(chunk) {
            decoder.push(Bytes::copy_from_slice(chunk));
            while let Some(piece) = decoder.next()? {
                largest = largest.max(piece.len());
                decoded.extend_from_slice(&piece);
            }
        }
        if let Some(rest) = decoder.finish()? {
            decoded.extend_from_slice(&rest);
        }
        Ok((decoded, largest))
    }

    fn text() -> Vec<u8> {
        (0..200_000_u32)
            .flat_map(|number| format!("{number},").into_bytes())
            .collect()
    }

    #[test]
    fn each_format_is_decoded_however_it_is_cut() {
        let text = text();
        for (encoding, body) in [("gzip", gzip(&text)), ("ZSTD", zstd::encode_all(&text[..], 3).unwrap())] {
            for chunk in [1, 1000, 1_000_000] {
                let (decoded, largest) = decode(encoding, &body, chunk).unwrap();
                assert!(
                    decoded == text && largest <= 2 * PIECE_BYTES,
                    "{encoding} {chunk} {largest}"
                );
            }
            let twice = [body.as_slice(), &body].concat();
            assert_eq!(decode(encoding, &twice, 4096).unwrap().0.len(), 2 * text.len());
            let beginning = Decoder::of_beginning(&body).unwrap().unwrap();
            assert_eq!(beginning.name(), encoding.to_lowercase());
        }
        assert!(Decoder::of_beginning(b"{\"code\":200}").unwrap().is_none());
    }

    #[test]
    fn what_is_cut_short_or_invalid_is_reported() {
        let text = text();
        for (encoding, body) in [("gzip", gzip(&text)), ("zstd", zstd::encode_all(&text[..], 3).unwrap())] {
            for end in [1, 10, body.len() / 2, body.len() - 1] {
                assert!(decode(encoding, &body[..end], 1000).is_err(), "{encoding} {end}");
            }
            let error = decode(encoding, b"{\"code\":200}", 1000).unwrap_err().to_string();
            assert!(error.contains(encoding), "{error}");
        }
        assert!(matches!(Decoder::of_encoding("br"), Err(DecodeError::Unknown(_))));
    }

    #[test]
    fn a_bomb_is_refused_in_time() {
        let zeros = vec![0; 64 * 1024 * 1024];
        let error = decode("zstd", &zstd::encode_all(&zeros[..], 3).unwrap(), 100_000).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge), "{error}");
    }
}
