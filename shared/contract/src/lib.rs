//! What the programs agree on: the keys of the bucket's objects ([`keys`]), the documents between exporter and
//! functions ([`documents`], [`run_report`], [`audit`], [`retirement`], [`check`]), the events that start functions
//! ([`events`]), and the terms that all of them use: ARNs ([`arn`]), a cluster ([`cluster`]), a run ([`run`]), a day in
//! UTC ([`day`]), a currency ([`currency`]), the clock ([`clock`]) and numbers in texts ([`units`]).
//!
//! Nothing here calls AWS.
#![deny(missing_docs)]

pub mod arn;
pub mod audit;
pub mod check;
pub mod clock;
pub mod cluster;
pub mod coverage;
pub mod currency;
pub mod day;
pub mod documents;
pub mod events;
pub mod keys;
pub mod quantities;
pub mod record;
pub mod redacted;
pub mod retirement;
pub mod run;
pub mod run_report;
pub mod state;
pub mod units;
