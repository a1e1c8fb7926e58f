//! A set on its way through the converting thread: from S3 into the thread, and from the thread into an upload.

use bytes::Bytes;
use contract::documents::{Part, PartKind};
use store::{Store, StoreError, Upload, UploadError};
use table::TableLayout;
use tokio::sync::mpsc;

use crate::{
    checked_manifest::CheckedManifest,
    convert::{Converted, RecordOf, convert, measure},
    error::{ConvertDayError, ConvertError, Fault, TransformError},
    input::Piece,
};

/// Pieces of the input that wait for the converting thread: S3's chunks, up to a few hundred kilobytes each.
const INPUT_PIECES: usize = 4;
/// Pieces of the file, 1 MiB each, that wait for the upload.
const OUTPUT_PIECES: usize = 2;

/// Streams a set into an upload, which the caller finishes. `record_of` makes what the footer says of the day.
pub(crate) async fn write(
    store: &Store,
    set: &CheckedManifest,
    layout: &TableLayout,
    record_of: RecordOf,
    upload: &mut Upload,
) -> Result<Converted, ConvertDayError> {
    let parts = set.parts_in_order();
    let (manifest, of_thread, layout) = (set.manifest.clone(), parts.clone(), layout.clone());
    through(store, &parts, upload, move |pieces, output| {
        convert(&manifest, &of_thread, &layout, record_of, pieces, output)
    })
    .await
}

/// Streams parts through a conversion, which runs on its own thread, into an upload, which the caller finishes.
pub(crate) async fn through<T: Send + 'static>(
    store: &Store,
    parts: &[Part],
    upload: &mut Upload,
    convert: impl FnOnce(mpsc::Receiver<Piece>, mpsc::Sender<Bytes>) -> Result<T, ConvertError> + Send + 'static,
) -> Result<T, ConvertDayError> {
    let (input, pieces) = mpsc::channel(INPUT_PIECES);
    let (output, mut file) = mpsc::channel::<Bytes>(OUTPUT_PIECES);
    let converting = tokio::task::spawn_blocking(move || convert(pieces, output));
    // Each side drops its end of the channel when it fails, so that the thread ends as well.
    let drain = async move {
        while let Some(piece) = file.recv().await {
            upload.write(piece).await?;
        }
        Ok::<_, UploadError>(())
    };
    let (fed, drained) = tokio::join!(feed(store, parts, input), drain);
    let converted = converting.await;
    match drained {
        Ok(()) => {}
        Err(UploadError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(TransformError::Stopped(error.to_string()).into()),
    }
    result(converted, fed)
}

/// Reads a set's allocations without writing anything.
pub(crate) async fn read(store: &Store, set: &CheckedManifest) -> Result<Converted, ConvertDayError> {
    let (input, pieces) = mpsc::channel(INPUT_PIECES);
    let parts: Vec<Part> = set.parts(PartKind::Allocation).cloned().collect();
    let measuring = {
        let (manifest, parts) = (set.manifest.clone(), parts.clone());
        tokio::task::spawn_blocking(move || measure(&manifest, &parts, pieces))
    };
    let fed = feed(store, &parts, input).await;
    result(measuring.await, fed)
}

fn result<T>(
    converted: Result<Result<T, ConvertError>, tokio::task::JoinError>,
    fed: Result<(), ConvertDayError>,
) -> Result<T, ConvertDayError> {
    match (converted, fed) {
        (Err(error), _) => Err(TransformError::Stopped(error.to_string()).into()),
        (Ok(Err(ConvertError::Fault(fault))), _) => Err(fault.into()),
        (_, Err(error)) => Err(error),
        (Ok(Ok(converted)), Ok(())) => Ok(converted),
        (Ok(Err(ConvertError::Closed)), Ok(())) => {
            Err(TransformError::Stopped("input and output ended early".to_owned()).into())
        }
    }
}

/// Sends the parts' bytes to the converting thread, one part after the other.
async fn feed(store: &Store, parts: &[Part], input: mpsc::Sender<Piece>) -> Result<(), ConvertDayError> {
    for Part { key, .. } in parts {
        let mut stream = store
            .open(key)
            .await?
            .ok_or_else(|| Fault::PartMissing { key: key.clone() })?;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| StoreError::Read {
                key: key.clone(),
                source: Box::new(error),
            })?;
            if input.send(Piece::Bytes(chunk)).await.is_err() {
                // The thread has ended, and reports why.
                return Ok(());
            }
        }
        if input.send(Piece::EndOfPart).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}
