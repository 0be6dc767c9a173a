//! Work on all cores with its order kept, and with no more of it in memory than is on its way.
//!
//! One thread sends pieces, each worker answers pieces on a thread of its own, the calling thread takes the answers in the order in
//! which the pieces were sent.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Cores that may be used.
pub fn n_cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Where pieces are sent.
pub struct Pieces<T> {
    sender: SyncSender<(usize, T)>,
    next: usize,
}

impl<T> Pieces<T> {
    /// Sends one, and waits while enough are on their way. Whether anybody still takes them: not when their taker has failed.
    pub fn send(&mut self, piece: T) -> bool {
        self.next += 1;
        self.sender.send((self.next - 1, piece)).is_ok()
    }
}

/// Answers pieces.
pub type Answering<'a, T, A> = Box<dyn FnMut(T) -> A + Send + 'a>;

/// Runs all that `read` sends through the workers, each on a thread with a stack of `stack` bytes, and gives the answers to `take` in
/// order. An error of `take` ends it all.
pub fn in_order<T: Send, A: Send>(
    read: impl FnOnce(Pieces<T>) -> io::Result<()> + Send,
    workers: Vec<Answering<'_, T, A>>,
    stack: usize,
    mut take: impl FnMut(A) -> io::Result<()>,
) -> io::Result<()> {
    let n_workers = workers.len().max(1);
    let (sender, receiver) = sync_channel(n_workers);
    let (answer_sender, answers) = sync_channel(n_workers);
    let pieces = Arc::new(Mutex::new(receiver));
    thread::scope(|scope| {
        let reader = scope.spawn(move || read(Pieces { sender, next: 0 }));
        for worker in workers {
            let (pieces, answers) = (Arc::clone(&pieces), answer_sender.clone());
            thread::Builder::new().stack_size(stack).spawn_scoped(scope, move || work(worker, &pieces, &answers))?;
        }
        // The workers hold the only other ends: when `take` fails, dropping ours stops them, and they stop the reader.
        drop((answer_sender, pieces));
        let taken = take_in_order(answers, &mut take);
        let read = reader.join().unwrap_or_else(|_| Err(io::Error::other("reading the input failed")));
        taken.and(read)
    })
}

fn work<T, A>(mut answer: Answering<'_, T, A>, pieces: &Mutex<Receiver<(usize, T)>>, answers: &SyncSender<(usize, A)>) {
    loop {
        let next = pieces.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((index, piece)) = next else { return };
        if answers.send((index, answer(piece))).is_err() {
            return;
        }
    }
}

fn take_in_order<A>(answers: Receiver<(usize, A)>, take: &mut impl FnMut(A) -> io::Result<()>) -> io::Result<()> {
    let (mut waiting, mut next) = (BTreeMap::new(), 0);
    for (index, answer) in answers {
        waiting.insert(index, answer);
        while let Some(answer) = waiting.remove(&next) {
            next += 1;
            take(answer)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubled(n_pieces: u32, n_workers: usize, take: impl FnMut(u32) -> io::Result<()>) -> io::Result<()> {
        let workers = (0..n_workers).map(|_| Box::new(|n: u32| n * 2) as Answering<'_, u32, u32>).collect();
        let read = move |mut pieces: Pieces<u32>| {
            let _ = (0..n_pieces).all(|n| pieces.send(n));
            Ok(())
        };
        in_order(read, workers, 64 * 1024, take)
    }

    #[test]
    fn order_is_kept_whoever_is_first() {
        let mut taken = Vec::new();
        let take = |n| {
            taken.push(n);
            Ok(())
        };
        doubled(10_000, 4, take).unwrap();
        assert_eq!(taken, (0..10_000).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn a_taker_that_fails_ends_it_and_so_does_a_reader() {
        let error = doubled(u32::MAX, 2, |n| if n > 100 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let workers: Vec<Answering<'_, u32, u32>> = vec![Box::new(|n| n)];
        let error = in_order(|_| Err(io::ErrorKind::NotFound.into()), workers, 64 * 1024, |_| Ok(()));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
