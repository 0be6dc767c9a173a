//! riskgate judges the actions of coding agents on this machine: [`action`] in, [`verdict`] out.
//!
//! The modules stand in the order in which data flows; `ARCHITECTURE.md` is the map.

pub mod action;
pub mod assessment;
pub mod manifest;
mod sha256;
pub mod verdict;

pub mod calibrate;
pub mod encode;
pub mod model;
pub mod normalize;
pub mod policy;
pub mod redact;
pub mod transcript;

pub mod engine;
pub mod evaluate;
pub mod replay;

pub mod artifact;
pub mod audit;
pub mod config;
pub mod grants;
pub mod harness;
pub mod parallel;
pub mod private;
pub mod record;
pub mod report;
#[cfg(feature = "review")]
pub mod review;
pub mod session;

pub mod app;

#[cfg(feature = "serve")]
pub mod serve;

pub mod cli;
