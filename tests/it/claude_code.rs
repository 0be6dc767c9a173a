//! The real Claude Code with riskgate as its hook, in a cage without a network: the proofs of `tests/claude_code`.
//!
//! They need Linux with user namespaces, Python 3.11 and npm. Where something of these is missing they are skipped, which the
//! driver says on the standard error, past the test runner's capture.

use std::path::Path;
use std::process::Command;

use crate::support::{repository, runtime};

/// The driver's exit code for a machine that cannot run them.
const SKIPPED: i32 = 77;

#[test]
fn the_real_claude_code_is_gated() {
    let mut command = Command::new(if cfg!(windows) { "python" } else { "python3" });
    command.arg(repository().join("tests/claude_code/run.py"));
    command.arg("--riskgate").arg(Path::new(env!("CARGO_BIN_EXE_riskgate"))).arg("--runtime").arg(runtime());
    let status = command.status().expect("python3 is needed, as for `scripts/setup.py`");
    assert!(
        status.success() || status.code() == Some(SKIPPED),
        "the proofs failed, see above; `python3 tests/claude_code/run.py -k NAME` runs some of them"
    );
}
