//! Listening sockets: bound by one process, perhaps used by another.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};

/// A bound socket that no runtime has adopted yet; in blocking mode.
#[derive(Debug)]
pub enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    /// Binds `ADDRESS:PORT` or `unix:PATH`. A socket file that a dead process left is replaced; a
    /// living one's is not.
    pub fn bind(address: &str) -> io::Result<Self> {
        let Some(path) = address.strip_prefix("unix:") else {
            let listener = TcpListener::bind(address)?;
            lengthen_queue(&listener)?;
            return Ok(Self::Tcp(listener));
        };
        match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
                std::fs::remove_file(path)?;
                Ok(Self::Unix(UnixListener::bind(path)?))
            }
            bound => Ok(Self::Unix(bound?)),
        }
    }

    /// A socket that another process bound.
    ///
    /// # Errors
    /// It is no stream socket of a kind that [`Socket::bind`] makes.
    pub fn adopt(descriptor: OwnedFd) -> io::Result<Self> {
        let tcp = TcpListener::from(descriptor);
        if tcp.local_addr().is_ok() {
            return Ok(Self::Tcp(tcp));
        }
        let unix = UnixListener::from(OwnedFd::from(tcp));
        unix.local_addr()?;
        Ok(Self::Unix(unix))
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(listener) => listener.as_raw_fd(),
            Self::Unix(listener) => listener.as_raw_fd(),
        }
    }
}

/// Connections that may wait to be accepted, while an engine is replaced for instance. The standard
/// library's number for TCP is 128.
const BACKLOG: libc::c_int = 1024;

#[allow(unsafe_code)]
fn lengthen_queue(listener: &TcpListener) -> io::Result<()> {
    // SAFETY: a plain system call on a descriptor that is open; `listen` may be called again.
    match unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Nobody answers on the socket file.
fn is_stale(path: &str) -> bool {
    UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
