//! The local host as a user meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod all_days;
mod audit;
mod benchmark;
mod cases;
mod collect;
mod commands;
mod currency;
mod gaps;
mod killed;
mod many;
mod misbehaving;
mod partitions;
mod plans;
mod retire;
mod retried;
mod status;
mod support;
mod thinner;
mod usage;
mod verify;
