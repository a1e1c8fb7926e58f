//! The bytes of a set's parts, from S3 into the converting thread.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use contract::documents::{self, Part, PartKind};
use response::{DataShape, Entry, Envelope, FeedError, ResponseFault, Rows, Scanner};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::error::{ConvertError, Fault};

/// A piece of the input. Parts follow one another in the set's order.
pub(crate) enum Piece {
    Bytes(Bytes),
    EndOfPart,
}

/// How a reader reports that the other side closed the channel.
const CLOSED: io::ErrorKind = io::ErrorKind::ConnectionAborted;

/// Reads one part from the pieces, and counts and hashes its bytes.
struct PartReader<'a> {
    pieces: &'a mut mpsc::Receiver<Piece>,
    current: Bytes,
    bytes: u64,
    hash: Sha256,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Ended,
    /// The other side closed the channel before the end of the part.
    Closed,
}

impl<'a> PartReader<'a> {
    fn new(pieces: &'a mut mpsc::Receiver<Piece>) -> Self {
        Self {
            pieces,
            current: Bytes::new(),
            bytes: 0,
            hash: Sha256::new(),
            state: State::Reading,
        }
    }

    /// Reads the rest, and compares size and hash with the manifest.
    fn check(mut self, part: &Part) -> Result<(), ConvertError> {
        io::copy(&mut self, &mut io::sink()).map_err(|_| ConvertError::Closed)?;
        let hash = documents::hexadecimal(&self.hash.finalize());
        let compare = |field, found: String, expected: String| {
            if found == expected {
                Ok(())
            } else {
                Err(Fault::PartMismatch {
                    key: part.key.clone(),
                    field,
                    found,
                    expected,
                }
                .into())
            }
        };
        compare("bytes", self.bytes.to_string(), part.bytes.to_string())?;
        compare("the SHA-256", hash, part.sha256.clone())
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.current.is_empty() && self.state == State::Reading {
            match self.pieces.blocking_recv() {
                Some(Piece::Bytes(bytes)) => {
                    self.bytes += bytes.len() as u64;
                    self.hash.update(&bytes);
                    self.current = bytes;
                }
                Some(Piece::EndOfPart) => self.state = State::Ended,
                None => self.state = State::Closed,
            }
        }
        if self.state == State::Closed {
            Err(CLOSED.into())
        } else {
            Ok(())
        }
    }
}

impl Read for PartReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// How much is decompressed at a time.
const RAW_PIECE: usize = 256 * 1024;

/// The largest window that the decompressor accepts, as a power of two: 8 MiB, the maximum of all levels of zstd up to
/// 19. It bounds the memory that a part can make it allocate.
const WINDOW_LOG: u32 = 23;

/// Reads one part: decompresses it, splits it into rows, and passes on those of the part's set.
/// The part is valid only if this returns without an error.
pub(crate) fn read_part(
    pieces: &mut mpsc::Receiver<Piece>,
    part: &Part,
    rows: &mut impl Rows<ConvertError>,
) -> Result<Envelope, ConvertError> {
    let mut reader = PartReader::new(pieces);
    let scanned = scan(&mut reader, part, &mut OfSet { set: part.set, rows });
    // If a part is not what the exporter wrote, that is the fault to report, whatever else it caused.
    match scanned {
        Err(ConvertError::Closed) => Err(ConvertError::Closed),
        scanned => reader.check(part).and(scanned),
    }
}

/// Passes on the rows of one set, if one is named.
struct OfSet<'r, R> {
    set: Option<u32>,
    rows: &'r mut R,
}

impl<R> OfSet<'_, R> {
    fn has(&self, entry: &Entry<'_>) -> bool {
        self.set.is_none_or(|set| set == entry.set)
    }
}

impl<E, R: Rows<E>> Rows<E> for OfSet<'_, R> {
    fn row(&mut self, entry: Entry<'_>) -> Result<(), E> {
        if self.has(&entry) { self.rows.row(entry) } else { Ok(()) }
    }

    fn takes_beginnings(&self) -> bool {
        self.rows.takes_beginnings()
    }

    fn beginning(&mut self, entry: Entry<'_>, depth: u8) -> Option<Result<usize, E>> {
        self.has(&entry).then(|| self.rows.beginning(entry, depth)).flatten()
    }
}

fn scan(
    reader: &mut PartReader<'_>,
    part: &Part,
    rows: &mut impl Rows<ConvertError>,
) -> Result<Envelope, ConvertError> {
    let mut decoder = zstd::stream::read::Decoder::new(reader).map_err(|source| compression(part, source))?;
    decoder
        .window_log_max(WINDOW_LOG)
        .map_err(|source| compression(part, source))?;
    let mut scanner = Scanner::new();
    let mut buffer = vec![0; RAW_PIECE];
    loop {
        let length = match decoder.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(source) => return Err(compression(part, source)),
        };
        scanner
            .feed_rows(&buffer[..length], rows)
            .map_err(|error| match error {
                FeedError::Response(fault) => response_fault(part, &fault),
                FeedError::Sink(error) => error,
            })?;
        if scanner.bytes() > part.raw_bytes {
            return Err(raw_bytes(part, scanner.bytes()));
        }
    }
    if scanner.bytes() != part.raw_bytes {
        return Err(raw_bytes(part, scanner.bytes()));
    }
    let envelope = scanner.finish().map_err(|fault| response_fault(part, &fault))?;
    if part.kind == PartKind::Allocation && envelope.shape != DataShape::List {
        let message = "'data' is not a list of sets: this is not a response of the allocation API".to_owned();
        return Err(Fault::Response {
            key: part.key.clone(),
            message,
        }
        .into());
    }
    Ok(envelope)
}

fn response_fault(part: &Part, fault: &ResponseFault) -> ConvertError {
    Fault::Response {
        key: part.key.clone(),
        message: fault.to_string(),
    }
    .into()
}

fn compression(part: &Part, source: io::Error) -> ConvertError {
    if source.kind() == CLOSED {
        ConvertError::Closed
    } else {
        Fault::Compression {
            key: part.key.clone(),
            source,
        }
        .into()
    }
}

fn raw_bytes(part: &Part, found: u64) -> ConvertError {
    Fault::PartMismatch {
        key: part.key.clone(),
        field: "uncompressed bytes",
        found: if found > part.raw_bytes {
            format!("{found} or more")
        } else {
            found.to_string()
        },
        expected: part.raw_bytes.to_string(),
    }
    .into()
}
