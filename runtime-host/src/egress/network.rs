//! Ranges of addresses: those that a rule names, those that are special by themselves, and IPv6
//! addresses that mean an IPv4 one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

impl Network {
    /// `None` when the prefix is longer than the address.
    pub fn new(base: IpAddr, prefix: u8) -> Option<Self> {
        (prefix <= width(base)).then_some(Self { base, prefix })
    }

    pub fn single(address: IpAddr) -> Self {
        Self { base: address, prefix: width(address) }
    }

    /// The same range beginning where its prefix says, if it does not.
    #[must_use]
    pub fn aligned(&self) -> Self {
        let base = match self.base {
            IpAddr::V4(base) => {
                IpAddr::V4(Ipv4Addr::from_bits(base.to_bits() & self.mask() as u32))
            }
            IpAddr::V6(base) => IpAddr::V6(Ipv6Addr::from_bits(base.to_bits() & self.mask())),
        };
        Self { base, ..*self }
    }

    /// A range of IPv4-mapped addresses as the IPv4 range that it is.
    #[must_use]
    pub fn unmapped(self) -> Self {
        let IpAddr::V6(base) = self.base else { return self };
        match (base.to_ipv4_mapped(), self.prefix.checked_sub(96)) {
            (Some(base), Some(prefix)) => Self { base: base.into(), prefix },
            _ => self,
        }
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                (base.to_bits() ^ address.to_bits()) & self.mask() as u32 == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                (base.to_bits() ^ address.to_bits()) & self.mask() == 0
            }
            _ => false,
        }
    }

    pub fn is_ipv6(&self) -> bool {
        self.base.is_ipv6()
    }

    /// Whether all of `other` lies within.
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.base)
    }

    /// Ones where the prefix is; of an IPv4 range in the lower 32 bits.
    fn mask(&self) -> u128 {
        u128::MAX.checked_shl(u32::from(width(self.base) - self.prefix)).unwrap_or(0)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == width(self.base) {
            write!(f, "{}", self.base)
        } else {
            write!(f, "{}/{}", self.base, self.prefix)
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Network {
    Network { base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
}

const fn v6(segments: [u16; 8], prefix: u8) -> Network {
    Network { base: IpAddr::V6(Ipv6Addr::from_segments(segments)), prefix }
}

/// Whether a name may open a special range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Loopback,
    Other,
}

/// A range that is closed unless the operator opens it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Special {
    pub network: Network,
    pub kind: Kind,
    pub what: &'static str,
}

const fn other(network: Network, what: &'static str) -> Special {
    Special { network, kind: Kind::Other, what }
}

const fn loopback(network: Network) -> Special {
    Special { network, kind: Kind::Loopback, what: "a loopback address" }
}

const METADATA: &str = "a cloud's metadata service";

/// By the registries of special-purpose addresses (RFC 6890) and the documentation of the clouds.
/// Metadata services at 169.254.0.0/16 (most of them) are link-local.
static SPECIAL: [Special; 18] = [
    // "This host": Linux connects to loopback.
    other(v4(0, 0, 0, 0, 8), "an unspecified address"),
    loopback(v4(127, 0, 0, 0, 8)),
    other(v4(169, 254, 0, 0, 16), "a link-local address, where clouds have their metadata service"),
    // Alibaba Cloud.
    other(v4(100, 100, 100, 200, 32), METADATA),
    // Azure's WireServer.
    other(v4(168, 63, 129, 16, 32), METADATA),
    // Protocol assignments; Oracle's older metadata service is 192.0.0.192.
    other(v4(192, 0, 0, 0, 24), "an address for protocol assignments"),
    other(v4(224, 0, 0, 0, 4), "a multicast address"),
    // With the broadcast address at its end.
    other(v4(240, 0, 0, 0, 4), "a reserved or broadcast address"),
    other(v6([0; 8], 128), "an unspecified address"),
    loopback(v6([0, 0, 0, 0, 0, 0, 0, 1], 128)),
    other(v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "a link-local address"),
    other(v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "a multicast address"),
    // AWS (fd00:ec2::254), Google (fd20:ce::254), Oracle (fd00:c1::a9fe:a9fe), Scaleway.
    other(v6([0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0], 32), METADATA),
    other(v6([0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0], 64), METADATA),
    other(v6([0xfd00, 0x00c1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128), METADATA),
    other(v6([0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042], 128), METADATA),
    // Which IPv4 address these mean depends on the network's translator (RFC 8215), or is veiled
    // (Teredo, RFC 4380).
    other(v6([0x0064, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "an address that is translated"),
    other(v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "an address that is tunnelled"),
];

/// RFC 1918, shared (RFC 6598), benchmarks (RFC 2544), unique local (RFC 4193), site-local.
const PRIVATE: [Network; 7] = [
    v4(10, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v4(100, 64, 0, 0, 10),
    v4(198, 18, 0, 0, 15),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
];

/// The special range that holds an address that [`meant`] gave.
pub(super) fn special(address: IpAddr) -> Option<&'static Special> {
    SPECIAL.iter().find(|special| special.network.contains(address))
}

pub(super) fn is_private(address: IpAddr) -> bool {
    PRIVATE.iter().any(|network| network.contains(address))
}

/// The IPv4 address within an IPv6 one that only carries it, else the address itself.
pub(super) fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(address) = address else { return address };
    embedded(address).map_or(IpAddr::V6(address), IpAddr::V4)
}

fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    let tail = Ipv4Addr::from_bits(bits as u32);
    match address.segments() {
        // `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // Compatible (RFC 4291 §2.5.5.1), mapped (§2.5.5.2), translated (RFC 2765 §2.1) and
        // NAT64 (RFC 6052 §2.1).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..]
        // ISATAP, below any prefix (RFC 5214 §6.1).
        | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Some(tail),
        // 6to4 (RFC 3056 §2).
        [0x2002, ..] => Some(Ipv4Addr::from_bits((bits >> 80) as u32)),
        _ => None,
    }
}
