//! Connections: so many at a time, so slow and no slower, and each may finish what it has begun when the daemon stops.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::serve::desk::Desk;
use crate::serve::log::remark;

/// Connections at a time; more wait in the system's queue.
const MOST: usize = 512;
/// How long the head of a request may take to arrive, the wait between two requests included.
const SLOW: Duration = Duration::from_secs(60);

/// Serves a router until the daemon stops.
pub(super) async fn serve(listener: TcpListener, router: Router, desk: &Desk) {
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(MOST));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(SLOW);
    loop {
        let (stream, slot) = tokio::select! {
            () = desk.stopping() => break,
            Some(accepted) = accept(&listener, &slots) => accepted,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(server.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _slot = slot;
            // A client that breaks off is its own affair.
            let _ = connection.await;
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// The next connection, once there is a slot for it.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and written whole: waiting to fill a packet only delays them.
                let _ = stream.set_nodelay(true);
                return Some((stream, slot));
            }
            Err(error) => {
                remark(format_args!("cannot accept a connection: {error}"));
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}
