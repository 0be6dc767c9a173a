//! How many reviews run at once, over all processes of the user: a locked file is a taken slot, and a process that dies
//! gives its slot back.

use std::fs::{File, TryLockError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::state::Store;
use crate::engine::ReviewError;
use crate::private::{self, Access};

const POLL: Duration = Duration::from_millis(10);

/// A taken slot; given back when dropped.
#[derive(Debug)]
pub(super) struct Slot(File);

/// Takes one of `n_slots`, or gives up at `due`.
pub(super) async fn take(store: &Store, n_slots: usize, due: Instant) -> Result<Slot, ReviewError> {
    loop {
        if let Some(slot) = try_take(store, n_slots)? {
            return Ok(slot);
        }
        if Instant::now() + POLL >= due {
            return Err(ReviewError::Busy);
        }
        sleep(POLL).await;
    }
}

fn try_take(store: &Store, n_slots: usize) -> Result<Option<Slot>, ReviewError> {
    let folder = store.path("slots");
    let failed = |error| ReviewError::State(format!("`{}` cannot be used: {error}", folder.display()));
    private::create_folder(&folder).map_err(failed)?;
    for n in 0..n_slots {
        let path = folder.join(n.to_string());
        let file = private::open(&path, Access::ReadWrite).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => return Ok(Some(Slot(file))),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    Ok(None)
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Closing the file unlocks it, too; this only does it by name.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_so_many_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let soon = || Instant::now() + Duration::from_millis(30);
            let first = take(&store, 2, soon()).await.unwrap();
            let _second = take(&store, 2, soon()).await.unwrap();
            assert_eq!(take(&store, 2, soon()).await.unwrap_err(), ReviewError::Busy);
            drop(first);
            take(&store, 2, soon()).await.unwrap();
        });
    }
}
