//! Where a connection goes.

use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use url::Url;

use super::{ErrorKind, FetchError};

/// The scheme, host and port of a server (RFC 6454), `http` or `https`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    /// The origin of an `http` or `https` URL. Its path and the rest are ignored.
    pub fn of(url: &Url) -> Result<Self, FetchError> {
        let scheme = match url.scheme() {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            other => {
                return Err(FetchError::new(
                    ErrorKind::Request,
                    format!("fetch does not know the scheme of {other}: URLs; use http: or https:"),
                ));
            }
        };
        let authority = authority_of(url).parse().map_err(|e| {
            FetchError::new(ErrorKind::Request, format!("the host of {url} is not usable: {e}"))
        })?;
        Ok(Self { scheme, authority })
    }

    /// The URI to connect to.
    pub(super) fn uri(&self) -> Uri {
        self.with(self.authority.clone(), PathAndQuery::from_static("/"))
    }

    /// The URI of a request that this server gets, naming `authority` to it.
    pub fn with(&self, authority: Authority, path: PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(authority);
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).expect("a URI with all its parts is valid")
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }
}

/// Host and port, the port always there: what error messages name.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = if self.scheme == Scheme::HTTPS { 443 } else { 80 };
        let port = self.authority.port_u16().unwrap_or(default);
        write!(f, "{}:{port}", self.authority.host())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// Host, and the port where it is not the scheme's own: the value of a `host` field.
pub(super) fn authority_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
