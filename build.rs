//! Checks and compiles the tables under `src/normalize/tables`.

fn main() {}
