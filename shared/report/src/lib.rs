//! Reads a lake: its state ([`status`]), whether it is as it was written ([`verify`]), and its costs ([`costs`],
//! [`results`]).
//!
//! The questions about costs are SQL files ([`questions`]). Their results are computed here without a database as well:
//! tests compare them with those of DuckDB.
#![deny(missing_docs)]

mod columns;
pub mod costs;
mod cube;
pub mod daily;
mod file;
pub mod lake;
pub mod last_runs;
mod names;
mod namespaces;
pub mod questions;
pub mod results;
pub mod schema;
pub mod share;
pub mod status;
pub mod table;
pub mod units;
pub mod verify;

pub use cube::Cubes;
pub use file::footer_of_tail;
pub use namespaces::NamespaceCosts;
