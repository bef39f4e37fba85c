//! Clients that send or read as slowly as they can, or nothing at all: each holds a connection until its
//! deadline and no longer.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tests::{Hotel, Platform, until};

use super::wire::{Heard, Table};

/// Connections that do nothing, at once.
const IDLE: usize = 2_000;

/// All of them at once, each waiting for its own deadline, beside thousands of idle connections.
pub(super) async fn slow_clients(platform: &Platform, hotel: &Hotel) {
    let table = Table::new(platform).await;
    let idle: Vec<TcpStream> = (0..IDLE).map(|_| table.connect()).collect();
    let half = "POST /v1/quotes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"rooms\"";
    let trickled = "GET /healthz HTTP/1.1\r\nhost: x\r\nx: ".to_owned() + &"y".repeat(200);
    let body = format!("{half}{}", " ".repeat(90));
    let waiting = [
        (
            "half a head",
            std::thread::spawn(slow(
                table.connect(),
                "GET /healthz HTTP/1.1\r\nhost: x".to_owned(),
                None,
            )),
            None,
        ),
        (
            "half a body",
            std::thread::spawn(slow(table.connect(), half.to_owned(), None)),
            Some(408),
        ),
        (
            "a head at one byte a second",
            std::thread::spawn(slow(table.connect(), trickled, Some(0))),
            None,
        ),
        (
            "a body at one byte a second",
            std::thread::spawn(slow(table.connect(), body, Some(half.len()))),
            Some(408),
        ),
    ];
    let reads_nothing = ask_and_never_read(&table);
    // Meanwhile others are served.
    let booked = hotel.book(platform, 0, 1, "pm_ok").await;
    assert_eq!(booked.status, 201, "{}", booked.json);
    for (what, thread, wanted) in waiting {
        let bytes = thread.join().unwrap();
        let status = Heard::read(&bytes).map(|(heard, _)| heard.status);
        assert!(
            status == wanted || (wanted.is_none() && status == Some(408)),
            "{what}: {status:?}"
        );
    }
    let server = reads_nothing.peer_addr().unwrap().port();
    let port = reads_nothing.local_addr().unwrap().port();
    until("the client that reads nothing is given up", async || {
        (!held(server).contains(&port)).then_some(())
    })
    .await;
    until("the idle connections are closed", async || {
        let open = held(server);
        idle.iter()
            .all(|stream| !open.contains(&stream.local_addr().unwrap().port()))
            .then_some(())
    })
    .await;
    let answer = platform.get("/v1/hotels").await;
    assert_eq!(answer.status, 200, "{}", answer.json);
}

/// Sends the text, from this byte on at one byte a second, and reads until the peer hangs up.
fn slow(mut stream: TcpStream, text: String, trickle: Option<usize>) -> impl FnOnce() -> Vec<u8> + Send {
    move || {
        let (fast, slow) = text.split_at(trickle.unwrap_or(text.len()));
        stream.write_all(fast.as_bytes()).unwrap();
        for byte in slow.bytes() {
            if stream.write_all(&[byte]).is_err() {
                break;
            }
            // The slowness is the row, not a wait for anything.
            std::thread::sleep(Duration::from_secs(1));
        }
        let mut heard = Vec::new();
        if let Err(error) = stream.read_to_end(&mut heard) {
            let open = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut].contains(&error.kind());
            assert!(!open, "the connection stays open");
        }
        heard
    }
}

/// Asks for far more than a socket's buffers hold.
fn ask_and_never_read(table: &Table) -> TcpStream {
    let mut stream = table.connect();
    stream.set_nonblocking(true).unwrap();
    let ask = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    // As many as the server takes before it waits for us.
    let _ = stream.write(ask.as_bytes());
    stream
}

/// The ports of clients whose connection the server on this port still holds.
fn held(server: u16) -> HashSet<u16> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = |address: &str| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok();
    let open = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote, state) = (port(fields.next()?)?, port(fields.next()?)?, fields.next()?);
        (local == server && state == "01").then_some(remote)
    });
    open.collect()
}
