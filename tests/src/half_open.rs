//! Half-open connections, which Toxiproxy cannot make: it closes what it has cut, so that the peer is told.
//! Here the peer is not told, neither when the cable is pulled nor when it is back: an old connection stays
//! silent for as long as its owner believes in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A proxy whose cable can be pulled.
#[derive(Debug)]
pub struct HalfOpen {
    /// Where it listens.
    pub address: String,
    pulled: watch::Sender<bool>,
    silent: Arc<AtomicUsize>,
    _accepting: JoinSet<()>,
}

impl HalfOpen {
    /// Listens in front of `upstream`.
    pub async fn start(upstream: String) -> Self {
        let listener = TcpListener::bind(crate::fixed_address())
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let (pulled, watching) = watch::channel(false);
        let silent = Arc::new(AtomicUsize::new(0));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, upstream, watching, Arc::clone(&silent)));
        Self {
            address,
            pulled,
            silent,
            _accepting: accepting,
        }
    }

    /// Pulls the cable: what is connected goes silent for ever, what connects now is taken and not answered.
    pub fn pull(&self) {
        self.pulled.send_replace(true);
    }

    /// Plugs the cable in again, for new connections alone.
    pub fn plug(&self) {
        self.pulled.send_replace(false);
    }

    /// Connections that went silent so far.
    pub fn silent(&self) -> usize {
        self.silent.load(Ordering::Relaxed)
    }
}

async fn accept(
    listener: TcpListener,
    upstream: String,
    pulled: watch::Receiver<bool>,
    silent: Arc<AtomicUsize>,
) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (upstream, silent) = (upstream.clone(), Arc::clone(&silent));
        connections.spawn(connection(client, upstream, pulled.clone(), silent));
    }
}

async fn connection(
    mut client: TcpStream,
    upstream: String,
    mut pulled: watch::Receiver<bool>,
    silent: Arc<AtomicUsize>,
) {
    let _ = client.set_nodelay(true);
    if !*pulled.borrow_and_update() {
        let Ok(mut server) = TcpStream::connect(&upstream).await else {
            return;
        };
        let _ = server.set_nodelay(true);
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
            _ = pulled.wait_for(|pulled| *pulled) => {}
        }
    }
    silent.fetch_add(1, Ordering::Relaxed);
    // The server's side is closed by now, as that of a peer that died. The client's stays as it is.
    std::future::pending::<()>().await;
    drop(client);
}
