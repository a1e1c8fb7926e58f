//! A Parquet file of the lake, of which only the footer and the wanted columns are read.

use std::{io::Read, ops::Range, sync::Arc};

use bytes::{Buf, Bytes};
use parquet::{
    errors::{ParquetError, Result},
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader},
        reader::{ChunkReader, Length},
    },
};

use crate::lake::{Lake, LakeError};

/// How much of the end of a file is read at first: most footers fit.
const TAIL: u64 = 64 * 1024;

/// Wanted parts that are no further apart are read by one request.
const GAP: u64 = 64 * 1024;

/// A file's footer.
#[derive(Debug, Clone)]
pub(crate) struct Footer {
    /// The metadata.
    pub(crate) parquet: Arc<ParquetMetaData>,
    /// The file's size.
    pub(crate) bytes: u64,
}

impl Footer {
    /// Reads the footer of an object of a known size.
    ///
    /// # Errors
    /// When the object is no Parquet file, or cannot be read.
    pub(crate) async fn read(lake: &Lake, key: &str, bytes: u64) -> std::result::Result<Self, LakeError> {
        let mut wanted = TAIL.min(bytes);
        loop {
            let tail = lake.range(key, bytes - wanted, wanted).await?;
            let mut reader = ParquetMetaDataReader::new();
            match reader.try_parse_sized(&tail, bytes) {
                Ok(()) => {
                    let parquet = reader.finish().map_err(|error| parquet_error(key, &error))?;
                    return Ok(Self {
                        parquet: Arc::new(parquet),
                        bytes,
                    });
                }
                Err(ParquetError::NeedMoreData(more)) if (more as u64) > wanted && (more as u64) <= bytes => {
                    wanted = more as u64;
                }
                Err(error) => return Err(parquet_error(key, &error)),
            }
        }
    }

    /// A value of the footer's own metadata.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        let values = self.parquet.file_metadata().key_value_metadata()?;
        values.iter().find(|value| value.key == key)?.value.as_deref()
    }

    /// How many rows the footer says there are.
    pub(crate) fn rows(&self) -> u64 {
        self.parquet.file_metadata().num_rows().try_into().unwrap_or(0)
    }
}

pub(crate) fn parquet_error(key: &str, error: &dyn std::fmt::Display) -> LakeError {
    LakeError::Parquet {
        key: key.to_owned(),
        reason: error.to_string(),
    }
}

/// Where a column of a row group is; `None` where a footer that is not right gives it no place.
fn place(column: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let start = u64::try_from(start).ok()?;
    let length = u64::try_from(column.compressed_size()).ok()?;
    Some(start..start.checked_add(length)?)
}

/// Reads the footer that some bytes end with, and gives the rows and the places of the columns that it says there are.
/// For tests with bytes of any kind; readers of a lake use [`Lake`].
///
/// # Errors
/// When the bytes do not end with a footer, or more bytes are needed.
pub fn footer_of_tail(tail: &[u8]) -> Result<(u64, Vec<Range<u64>>)> {
    let mut reader = ParquetMetaDataReader::new();
    reader.try_parse_sized(&Bytes::copy_from_slice(tail), tail.len() as u64)?;
    let parquet = Arc::new(reader.finish()?);
    let groups = parquet.row_groups().iter();
    let places = groups.flat_map(|group| group.columns().iter().filter_map(place));
    let places = places.collect();
    let bytes = tail.len() as u64;
    let footer = Footer { parquet, bytes };
    Ok((footer.rows(), places))
}

/// The parts of a file that have been read.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    length: u64,
    parts: Vec<(u64, Bytes)>,
}

impl Parts {
    /// Reads some columns, by their index in the file, of a row group.
    pub(crate) async fn read(
        lake: &Lake,
        key: &str,
        footer: &Footer,
        group: usize,
        columns: &[usize],
    ) -> std::result::Result<Self, LakeError> {
        let group = footer.parquet.row_group(group);
        let places = columns.iter().map(|column| place(group.column(*column)));
        let places: Option<Vec<Range<u64>>> = places.collect();
        let mut ranges = places.ok_or_else(|| parquet_error(key, &"a column has no place in the file"))?;
        ranges.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end.saturating_add(GAP) => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        let mut parts = Vec::with_capacity(merged.len());
        for range in merged {
            if range.end > footer.bytes {
                return Err(parquet_error(key, &"a column is beyond the end of the file"));
            }
            parts.push((
                range.start,
                lake.range(key, range.start, range.end - range.start).await?,
            ));
        }
        Ok(Self {
            length: footer.bytes,
            parts,
        })
    }

    fn from(&self, start: u64) -> Result<Bytes> {
        let index = self.parts.partition_point(|(first, _)| *first <= start);
        let part = index.checked_sub(1).and_then(|index| self.parts.get(index));
        part.and_then(|(first, bytes)| {
            let offset = usize::try_from(start - first).ok()?;
            (offset < bytes.len()).then(|| bytes.slice(offset..))
        })
        .ok_or_else(|| ParquetError::General(format!("the part at {start} was not read")))
    }
}

impl Length for Parts {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Parts {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(Box::new(self.from(start)?.reader()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.from(start)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} were not read")));
        }
        Ok(bytes.slice(..length))
    }
}
