//! riskgate judges the actions of coding agents on this machine: [`action`] in, [`verdict`] out.
//!
//! The modules stand in the order in which data flows; `ARCHITECTURE.md` is the map.

pub mod action;
pub mod assessment;
pub mod manifest;
pub mod verdict;

pub mod encode;
pub mod normalize;

pub mod record;

pub mod cli;
