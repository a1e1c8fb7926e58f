//! The table of assets: one object for each day of the lake whose set has assets, written before the day's own object.

mod batch;
mod convert;
mod cover;
mod write;

pub use batch::schema;
pub(crate) use cover::Cover;
pub(crate) use write::AssetsOutcome;
