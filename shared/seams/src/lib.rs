//! What a simulation of the programs replaces: the passing of time ([`time`]), and correct behaviour by planted bugs
//! ([`bugs`]). Without the feature `simulation`, which released programs lack, neither can be replaced.
#![deny(missing_docs)]

pub mod bugs;
pub mod time;
