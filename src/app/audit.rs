//! Settings → the log of decisions: defaults, and how decisions are written in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::audit::{Fsync, Keep, Log, Options, Rendering, Retention};
use crate::config::{AuditSettings, FsyncSetting, Mode, in_home};
use crate::record::{self, Stamp};
use crate::verdict::Decision;

/// Some ten thousand decisions.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Less would make a file of every few decisions.
const LEAST_SEGMENT_BYTES: u64 = 4 * 1024;
/// What stands for bundle and policy where there were none.
const NOTHING: &str = "none";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The log that the settings want. A log without a place, or one that cannot be written, is one whose appends fail: then every
/// decision is the fail-safe's.
pub(super) fn log(settings: &AuditSettings, model: &str, policy: &str, mode: Mode) -> Option<Arc<Log>> {
    if !settings.is_enabled() {
        return None;
    }
    let keep = if settings.keep_text.unwrap_or(true) { Keep::Text } else { Keep::Nothing };
    let log = Log::new(options(settings), keep, rendering(model, policy));
    Some(Arc::new(log.monitoring(mode == Mode::Monitor)))
}

/// The same log, for decisions by another policy in another mode.
pub(super) fn same_log(log: &Log, model: &str, policy: &str, mode: Mode) -> Arc<Log> {
    Arc::new(log.with_rendering(rendering(model, policy)).monitoring(mode == Mode::Monitor))
}

fn rendering(model: &str, policy: &str) -> Rendering {
    let (model, policy) = (model.to_owned(), policy.to_owned());
    Arc::new(move |decision: &Decision, elapsed_us| {
        record::decision_text(decision, Stamp { model: &model, policy: &policy }, elapsed_us)
    })
}

/// The log for calls that were stopped before there was an engine.
pub fn audit_log(settings: &AuditSettings) -> Option<Arc<Log>> {
    log(settings, NOTHING, NOTHING, Mode::Enforce)
}

/// Where the log lies.
pub fn audit_folder(settings: &AuditSettings) -> PathBuf {
    in_home(settings.folder.as_deref().unwrap_or(Path::new("")))
}

fn options(settings: &AuditSettings) -> Options {
    Options {
        folder: audit_folder(settings),
        // A hook is one process a call, and would wait for the disk each time.
        fsync: match settings.fsync.unwrap_or(FsyncSetting::Never) {
            FsyncSetting::Never => Fsync::Never,
            FsyncSetting::Group => Fsync::Group,
            FsyncSetting::Always => Fsync::Always,
        },
        segment_bytes: settings.segment_bytes.unwrap_or(SEGMENT_BYTES).max(LEAST_SEGMENT_BYTES),
        retention: Retention { age: settings.retention_days.map(|days| DAY * days), bytes: settings.retention_bytes },
    }
}
