//! A set on its way through the converting thread: from S3 into the thread, and from the thread into an upload.

use bytes::Bytes;
use contract::documents::{Part, PartKind};
use seams::bugs;
use store::{Store, StoreError, Upload, UploadError};
use table::TableLayout;
use tokio::sync::{Semaphore, mpsc};

use crate::{
    checked_manifest::CheckedManifest,
    convert::{Converted, RecordOf, convert, measure},
    encoder::Output,
    error::{ConvertDayError, ConvertError, Fault, TransformError},
    input::Piece,
};

/// Pieces of the input that wait for the converting thread: S3's chunks, up to a few hundred kilobytes each.
const INPUT_PIECES: usize = 4;
/// Pieces of the file, 1 MiB each, that wait for the upload.
const OUTPUT_PIECES: usize = 2;

/// Where conversions run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Converting {
    /// On a thread of their own, while parts arrive and the file is sent: Lambda gives a function the time of less than
    /// one core.
    #[default]
    Meanwhile,
    /// As `Meanwhile`, and the file is encoded on one more thread. Less time passes where there are two cores.
    OnTwoThreads,
    /// When all parts have arrived, while the caller's thread waits; the file is sent afterwards. A simulation needs
    /// this: no thread runs at the same time as another.
    InTurn,
}

impl Converting {
    /// How many pieces a channel holds that holds so many while a conversion runs.
    fn pieces(self, meanwhile: usize) -> usize {
        match self {
            Self::Meanwhile | Self::OnTwoThreads => meanwhile,
            Self::InTurn => Semaphore::MAX_PERMITS,
        }
    }

    /// Runs a conversion. `before` feeds it, `after` takes what comes of it.
    async fn run<T: Send + 'static, Before: Future, After: Future>(
        self,
        conversion: impl FnOnce() -> Result<T, ConvertError> + Send + 'static,
        before: Before,
        after: After,
    ) -> (Result<Result<T, ConvertError>, String>, Before::Output, After::Output) {
        match self {
            Self::Meanwhile | Self::OnTwoThreads => {
                let converting = tokio::task::spawn_blocking(conversion);
                let (before, after) = tokio::join!(before, after);
                (converting.await.map_err(|error| error.to_string()), before, after)
            }
            Self::InTurn => {
                let before = before.await;
                let converted = std::thread::spawn(bugs::inherited(conversion)).join();
                let converted = converted.map_err(|_| "it panicked".to_owned());
                (converted, before, after.await)
            }
        }
    }
}

/// Streams a set into an upload, which the caller finishes. `record_of` makes what the footer says of the day.
pub(crate) async fn write(
    converting: Converting,
    store: &Store,
    set: &CheckedManifest,
    layout: &TableLayout,
    record_of: RecordOf,
    upload: &mut Upload,
) -> Result<Converted, ConvertDayError> {
    let parts = set.parts_in_order();
    let (manifest, of_thread, layout) = (set.manifest.clone(), parts.clone(), layout.clone());
    through(converting, store, &parts, upload, move |pieces, output| {
        convert(&manifest, &of_thread, &layout, record_of, pieces, output)
    })
    .await
}

/// Streams parts through a conversion into an upload, which the caller finishes.
pub(crate) async fn through<T: Send + 'static>(
    converting: Converting,
    store: &Store,
    parts: &[Part],
    upload: &mut Upload,
    convert: impl FnOnce(mpsc::Receiver<Piece>, Output) -> Result<T, ConvertError> + Send + 'static,
) -> Result<T, ConvertDayError> {
    let (input, pieces) = mpsc::channel(converting.pieces(INPUT_PIECES));
    let (made, mut file) = mpsc::channel::<Bytes>(converting.pieces(OUTPUT_PIECES));
    let output = Output {
        pieces: made,
        beside: converting == Converting::OnTwoThreads,
    };
    // Each side drops its end of the channel when it fails, so that the conversion ends as well.
    let drain = async move {
        while let Some(piece) = file.recv().await {
            upload.write(piece).await?;
        }
        Ok::<_, UploadError>(())
    };
    let convert = move || convert(pieces, output);
    // Boxed: it holds both sides of the conversion, and callers hold it in turn.
    let run = Box::pin(converting.run(convert, feed(store, parts, input), drain));
    let (converted, fed, drained) = run.await;
    match drained {
        Ok(()) => {}
        Err(UploadError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(TransformError::Stopped(error.to_string()).into()),
    }
    result(converted, fed)
}

/// Reads a set's allocations without writing anything.
pub(crate) async fn read(
    converting: Converting,
    store: &Store,
    set: &CheckedManifest,
) -> Result<Converted, ConvertDayError> {
    let (input, pieces) = mpsc::channel(converting.pieces(INPUT_PIECES));
    let parts: Vec<Part> = set.parts(PartKind::Allocation).cloned().collect();
    let (manifest, of_conversion) = (set.manifest.clone(), parts.clone());
    let measure = move || measure(&manifest, &of_conversion, pieces);
    let run = Box::pin(converting.run(measure, feed(store, &parts, input), std::future::ready(())));
    let (measured, fed, ()) = run.await;
    result(measured, fed)
}

fn result<T>(
    converted: Result<Result<T, ConvertError>, String>,
    fed: Result<(), ConvertDayError>,
) -> Result<T, ConvertDayError> {
    match (converted, fed) {
        (Err(error), _) => Err(TransformError::Stopped(error).into()),
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
