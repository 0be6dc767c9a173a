//! What a daemon has to say: lines on the standard error, which is the terminal's, the journal's or the log file's.

use std::fmt::Display;
use std::io::{self, Write as _};

/// One line.
pub(super) fn remark(line: impl Display) {
    // There is nowhere left to complain to when even this fails.
    let _ = writeln!(io::stderr(), "riskgate: {line}");
}
