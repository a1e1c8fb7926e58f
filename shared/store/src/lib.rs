//! Access to AWS.
//!
//! [`session`] makes the configuration that all clients share: one HTTP client with rustls and ring, the default chain
//! of credentials, and role chaining. [`store`] is the bucket; [`upload`] streams an object into it with bounded
//! memory.
//!
//! Programs take a [`store::Store`] as a value, so that they run the same in Lambda, in the local host and in tests.
#![deny(missing_docs)]

mod checksum;
mod condition;
mod error;
mod listing;
mod message;
mod proxy;
pub mod session;
pub mod store;
pub mod upload;

pub use checksum::Crc32;
pub use condition::Condition;
pub use error::StoreError;
pub use listing::{Listed, Listing, Page};
pub use message::message;
pub use store::{Current, Head, PART_BYTES, Store};
pub use upload::{Upload, UploadError, Uploaded};
