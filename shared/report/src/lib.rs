//! Reads a lake: its state ([`status`]), its costs ([`costs`], [`answers`]), and the HTML report ([`html`]).
//!
//! The questions about costs are SQL files ([`questions`]). The same answers are computed here without a database: tests
//! compare them with DuckDB's.
#![deny(missing_docs)]

pub mod answers;
pub mod costs;
mod cube;
mod file;
pub mod lake;
mod names;
pub mod questions;
pub mod schema;
pub mod share;
pub mod status;
pub mod table;
pub mod units;

pub use cube::Cubes;
