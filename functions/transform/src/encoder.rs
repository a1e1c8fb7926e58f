//! Where batches are encoded: on the thread that reads the rows, or on one beside it.

use std::{
    sync::mpsc::{SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;
use parquet::errors::ParquetError;
use tokio::sync::mpsc;

use crate::{
    error::{ConvertError, Fault},
    output::{OutputError, ParquetFile},
};

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

    /// Adds a batch, if there is one.
    pub(crate) fn write(&mut self, batch: Result<Option<RecordBatch>, ArrowError>) -> Result<(), OutputError> {
        let Some(batch) = batch.map_err(|error| OutputError::Parquet(error.into()))? else {
            return Ok(());
        };
        match self {
            Self::Here(file) => file.write(&batch),
            // Nobody takes it when the thread has ended, which it does before the end only when it fails.
            Self::Beside { batches, .. } if batches.send(batch).is_ok() => Ok(()),
            _ => std::mem::replace(self, Self::Ended).end().map(|_| ()),
        }
    }

    /// Ends the file, which has so many rows of what `rows_are` names, with key-value metadata in its footer.
    pub(crate) fn finish(
        self,
        rows: u64,
        rows_are: &str,
        metadata: Vec<(&'static str, String)>,
    ) -> Result<(), ConvertError> {
        let written = self.end()?.finish(metadata)?;
        if u64::try_from(written).ok() != Some(rows) {
            let message = format!("{written} {rows_are} were written, but {rows} were read");
            return Err(Fault::Parquet(message).into());
        }
        Ok(())
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
