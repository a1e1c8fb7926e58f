//! Where batches are encoded: on the thread that reads the rows, or on one beside it.

use std::{
    sync::mpsc::{SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::errors::ParquetError;
use tokio::sync::mpsc;

use crate::output::{OutputError, ParquetFile};

/// Where a file's pieces go, and which thread encodes them.
pub(crate) struct Output {
    pub(crate) pieces: mpsc::Sender<Bytes>,
    /// On a thread of its own.
    pub(crate) beside: bool,
}

pub(crate) enum Encoder {
    Here(Box<ParquetFile>),
    Beside {
        batches: SyncSender<RecordBatch>,
        thread: JoinHandle<Result<Box<ParquetFile>, OutputError>>,
    },
    /// It failed, and has said why.
    Ended,
}

/// Batches that wait for the encoding thread, some megabytes each.
const WAITING: usize = 1;

impl Encoder {
    pub(crate) fn new(schema: SchemaRef, output: Output) -> Result<Self, OutputError> {
        let Output { pieces, beside } = output;
        let mut file = Box::new(ParquetFile::new(schema, pieces)?);
        if !beside {
            return Ok(Self::Here(file));
        }
        let (batches, waiting) = sync_channel::<RecordBatch>(WAITING);
        let encode = move || {
            waiting.iter().try_for_each(|batch| file.write(&batch))?;
            Ok(file)
        };
        let thread = thread::Builder::new().name("encoder".to_owned()).spawn(encode);
        let thread = thread.map_err(|error| stopped(format!("it cannot begin: {error}")))?;
        Ok(Self::Beside { batches, thread })
    }

    pub(crate) fn write(&mut self, batch: RecordBatch) -> Result<(), OutputError> {
        match self {
            Self::Here(file) => file.write(&batch),
            // Nobody takes it when the thread has ended, which it does before the end only when it fails.
            Self::Beside { batches, .. } if batches.send(batch).is_ok() => Ok(()),
            _ => std::mem::replace(self, Self::Ended).end().map(|_| ()),
        }
    }

    /// Ends the file with key-value metadata in its footer, and returns how many rows it has.
    pub(crate) fn finish(self, metadata: Vec<(&str, String)>) -> Result<i64, OutputError> {
        self.end()?.finish(metadata)
    }

    /// The file, when all batches are in it.
    fn end(self) -> Result<Box<ParquetFile>, OutputError> {
        match self {
            Self::Here(file) => Ok(file),
            Self::Beside { batches, thread } => {
                drop(batches);
                let ended = thread.join();
                ended.unwrap_or_else(|_| Err(stopped("it panicked".to_owned())))
            }
            Self::Ended => Err(stopped("it failed before".to_owned())),
        }
    }
}

fn stopped(why: String) -> OutputError {
    OutputError::Parquet(ParquetError::General(format!("the encoding thread stopped: {why}")))
}
