//! A connection that ends when its client stops reading: whatever has been written and is not taken for
//! [`WRITE_SECONDS`] would hold the connection's place for ever, because TCP waits as long as the peer lives.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// A client that takes nothing of an answer for this many seconds is given up.
const WRITE_SECONDS: u64 = 20;

/// The stream, and since when nothing could be written.
pub(super) struct Stalled {
    stream: TcpStream,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Stalled {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            limit: Duration::from_secs(WRITE_SECONDS),
            waiting: None,
        }
    }

    /// Passes on what a write said, unless writes have been waiting for too long.
    fn watched<T>(&mut self, context: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let limit = self.limit;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client reads nothing")))
    }
}

impl AsyncRead for Stalled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stalled {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watched(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watched(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn who_goes_on_reading_is_never_given_up_and_who_stops_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, _client) = tokio::join!(listener.accept(), client);
        let limit = Duration::from_millis(40);
        let mut stalled = Stalled {
            limit,
            ..Stalled::new(accepted.unwrap().0)
        };
        let context = &mut Context::from_waker(std::task::Waker::noop());
        for _ in 0..3 {
            // Nothing could be written for a moment, and then something was.
            assert!(stalled.watched::<usize>(context, Poll::Pending).is_pending());
            assert!(stalled.watched(context, Poll::Ready(Ok(1))).is_ready());
            tokio::time::sleep(2 * limit).await;
        }
        let ended = std::future::poll_fn(|context| stalled.watched::<usize>(context, Poll::Pending)).await;
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
