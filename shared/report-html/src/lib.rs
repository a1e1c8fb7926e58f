//! The costs of a lake as one HTML file, which opens without a network: from an e-mail, a ticket or a disk.
//!
//! All numbers come from [`report`]: the results of its questions, and sums of them. The page contains them as tables.
//! A script adds charts and filters where scripts are run.
#![deny(missing_docs)]

mod assets;
mod data;
mod headline;
mod page;
mod sections;
mod table_view;
mod words;

pub use data::MAX_DATA_BYTES;
pub use page::{Input, MAX_BYTES, RenderError, render};
