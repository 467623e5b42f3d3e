//! TCP sockets with buffers of a fixed size. The kernel's own grow to tens of megabytes with the
//! speed of what went before, and then nobody can say how much is under way in a stack.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::{Error, Result};

/// What is asked for, per direction; the kernel takes twice as much, for its own overhead.
const REQUESTED_BYTES: u32 = 128 * 1024;

/// The most that one socket holds in one direction.
pub const BUFFER_BYTES: u64 = 2 * REQUESTED_BYTES as u64;

fn socket() -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_send_buffer_size(REQUESTED_BYTES)?;
    socket.set_recv_buffer_size(REQUESTED_BYTES)?;
    Ok(socket)
}

/// Listens on the loopback address; accepted sockets have the buffers too. To be called within a
/// runtime.
pub fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = socket()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    socket.listen(1024)
}

/// Connects to `authority`, an IPv4 address with a port.
pub async fn connect(authority: &str) -> Result<TcpStream> {
    let address = authority.parse().map_err(Error::during(format!("bad address {authority}")))?;
    let connecting = async { socket()?.connect(address).await };
    connecting.await.map_err(Error::during(format!("can't connect to {authority}")))
}

/// The same for Envoy's sockets: `socket_options` as Linux numbers them.
pub fn envoy_options() -> Value {
    const SOL_SOCKET: u32 = 1;
    const SO_SNDBUF: u32 = 7;
    const SO_RCVBUF: u32 = 8;
    let option = |name| {
        json!({ "level": SOL_SOCKET, "name": name, "int_value": REQUESTED_BYTES,
                "state": "STATE_PREBIND" })
    };
    json!([option(SO_SNDBUF), option(SO_RCVBUF)])
}
