//! One entry of `allow` or `deny`.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use url::Host;

use super::network::{self, Network};

/// `10.0.0.0/8`, `192.0.2.7:443`, `[fd00::/8]:8000-8999`, `api.internal:8080`, `*.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    target: Target,
    ports: RangeInclusive<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Network(Network),
    /// Lower case, without a dot at its end.
    Name(String),
    /// Every name below this one, which is not meant itself.
    Below(String),
}

const ANY_PORT: RangeInclusive<u16> = 0..=u16::MAX;

impl Rule {
    /// The host and port of an `http` or `https` URL.
    pub(super) fn of_origin(origin: &url::Url) -> Option<Self> {
        let port = origin.port_or_known_default()?;
        let target = match origin.host()? {
            Host::Ipv4(address) => Target::Network(Network::single(address.into())),
            Host::Ipv6(address) => Target::Network(Network::single(network::meant(address.into()))),
            Host::Domain(name) => Target::Name(bare(name).to_owned()),
        };
        Some(Self { target, ports: port..=port })
    }

    /// Whether it is about this name, as a URL has it.
    pub(super) fn names(&self, name: &str, port: u16) -> bool {
        let name = bare(name);
        self.ports.contains(&port)
            && match &self.target {
                Target::Network(_) => false,
                Target::Name(own) => own == name,
                Target::Below(suffix) => name
                    .strip_suffix(suffix.as_str())
                    .and_then(|rest| rest.strip_suffix('.'))
                    .is_some_and(|rest| !rest.is_empty()),
            }
    }

    /// Whether it is about this address.
    pub(super) fn holds(&self, address: IpAddr, port: u16) -> bool {
        self.ports.contains(&port)
            && self.network().is_some_and(|network| network.contains(address))
    }

    pub(super) fn network(&self) -> Option<Network> {
        match self.target {
            Target::Network(network) => Some(network),
            Target::Name(_) | Target::Below(_) => None,
        }
    }
}

/// Without the root's dot.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

impl FromStr for Rule {
    /// Completes a sentence that begins with the setting's name and "can't have".
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let why = |reason: &str| {
            format!(
                "\"{text}\": {reason}; write for instance \"10.0.0.0/8\", \"192.0.2.7:443\", \
                 \"[fd00::/8]:8000-8999\", \"api.internal:8080\" or \"*.example.com\""
            )
        };
        let (target, ports) =
            split(text).ok_or_else(|| why("its brackets are not in their place"))?;
        let ports = match ports {
            Some(ports) => read_ports(ports).ok_or_else(|| why("its port is no port"))?,
            None => ANY_PORT,
        };
        let target = read_target(target).map_err(|reason| why(&reason))?;
        Ok(Self { target, ports })
    }
}

/// What stands before the port, and the port. An IPv6 address needs brackets to have one.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (target, rest) = rest.split_once(']')?;
        return match rest {
            "" => Some((target, None)),
            rest => Some((target, Some(rest.strip_prefix(':')?))),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Some((text, None)),
        Some((target, ports)) => Some((target, Some(ports))),
        None => Some((text, None)),
    }
}

fn read_ports(text: &str) -> Option<RangeInclusive<u16>> {
    let port = |text: &str| text.parse().ok().filter(|port| *port > 0);
    match text.split_once('-') {
        Some((low, high)) => {
            let (low, high) = (port(low)?, port(high)?);
            (low <= high).then_some(low..=high)
        }
        None => port(text).map(|port| port..=port),
    }
}

fn read_target(text: &str) -> Result<Target, String> {
    if let Some((address, prefix)) = text.split_once('/') {
        let address: IpAddr =
            address.parse().map_err(|_| "what stands before the / is no IP address".to_owned())?;
        return read_network(address, prefix).map(Target::Network);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Target::Network(Network::single(network::meant(address))));
    }
    let (name, below) = match text.strip_prefix("*.") {
        Some(suffix) => (suffix, true),
        None => (text, false),
    };
    match Host::parse(name) {
        Ok(Host::Domain(name)) if !name.contains('*') && !bare(&name).is_empty() => {
            let name = bare(&name).to_owned();
            Ok(if below { Target::Below(name) } else { Target::Name(name) })
        }
        Ok(Host::Ipv4(address)) if !below => Err(format!("as an address it is written {address}")),
        _ => Err("it is neither an address nor a host's name".to_owned()),
    }
}

fn read_network(address: IpAddr, prefix: &str) -> Result<Network, String> {
    let network = prefix
        .parse()
        .ok()
        .and_then(|prefix| Network::new(address, prefix))
        .ok_or_else(|| "what stands after the / is no prefix length".to_owned())?;
    let aligned = network.aligned();
    if aligned == network {
        Ok(network.unmapped())
    } else {
        Err(format!("the network of this length is {aligned}"))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brackets = self.ports != ANY_PORT;
        match &self.target {
            Target::Network(network) if brackets && network.is_ipv6() => write!(f, "[{network}]")?,
            Target::Network(network) => write!(f, "{network}")?,
            Target::Name(name) => f.write_str(name)?,
            Target::Below(suffix) => write!(f, "*.{suffix}")?,
        }
        match (self.ports.start(), self.ports.end()) {
            _ if self.ports == ANY_PORT => Ok(()),
            (low, high) if low == high => write!(f, ":{low}"),
            (low, high) => write!(f, ":{low}-{high}"),
        }
    }
}
