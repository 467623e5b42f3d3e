//! What Workers may connect to, decided on addresses and names alone. No I/O: [`crate::client`] asks
//! where it opens a connection, with the very address that it is about to connect to.
//!
//! The rules are the operator's (`nano.toml`); a tenant's wrangler file has no say in them. In this
//! order, the first that says something decides:
//!
//! 1. `deny` and then `allow` of `[worker.NAME.egress]`, with the Worker's `origin` among the latter;
//! 2. `deny` and then `allow` of `[egress]`;
//! 3. special ranges (loopback, link-local with the clouds' metadata services …) are denied;
//! 4. private ranges by `private`, all others by `public`.
//!
//! An `allow` opens a special range only when it lies wholly within it: `0.0.0.0/0` means every
//! server, and not the metadata service. Names open loopback, and no other special range: where a
//! name leads is up to whoever runs its DNS.

pub mod loops;
mod network;
mod rule;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;

pub use network::Network;
pub use rule::Rule;

use network::{Kind, Special};

/// `[egress]` or `[worker.NAME.egress]` as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    pub allow: Vec<Rule>,
    pub deny: Vec<Rule>,
    /// Whether private ranges are open; default: yes.
    pub private: Option<bool>,
    /// Whether everything that is neither special nor private is open; default: yes.
    pub public: Option<bool>,
    /// See [`Policy::max_depth`].
    pub max_depth: Option<u32>,
    /// See [`Policy::max_branches`].
    pub max_branches: Option<u32>,
}

/// The rules for one Worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The Worker's own first.
    layers: [Layer; 2],
    private: bool,
    public: bool,
    /// How many Workers one request may have gone through by way of subrequests before it is
    /// answered with error 1019. Workers authors know 16.
    pub max_depth: u32,
    /// Into how many further requests of Workers to Workers one of a client may branch; see [`loops`].
    pub max_branches: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Layer {
    deny: Vec<Rule>,
    allow: Vec<Rule>,
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(&Section::default(), &Section::default(), None)
    }
}

impl Policy {
    /// `origin` is where the Worker's fetches to its own authority go: the operator named it, so
    /// the Worker may connect there.
    pub fn new(general: &Section, own: &Section, origin: Option<&url::Url>) -> Self {
        let layer = |from: &Section| Layer { deny: from.deny.clone(), allow: from.allow.clone() };
        let mut layers = [layer(own), layer(general)];
        layers[0].allow.extend(origin.and_then(Rule::of_origin));
        let either = |own: Option<bool>, general: Option<bool>| own.or(general).unwrap_or(true);
        Self {
            layers,
            private: either(own.private, general.private),
            public: either(own.public, general.public),
            max_depth: own.max_depth.or(general.max_depth).unwrap_or(loops::DEPTH_DEFAULT),
            max_branches: own
                .max_branches
                .or(general.max_branches)
                .unwrap_or(loops::BRANCHES_DEFAULT),
        }
    }

    /// Whether a name (not an address in a URL) is denied whatever it leads to, so that it need not
    /// be looked up.
    pub fn judge_name(&self, name: &str, port: u16) -> Result<(), Reason> {
        for layer in &self.layers {
            if let Some(rule) = layer.deny.iter().find(|rule| rule.names(name, port)) {
                return Err(Reason::Listed(rule.to_string()));
            }
            if layer.allow.iter().any(|rule| rule.names(name, port)) {
                break;
            }
        }
        Ok(())
    }

    /// Whether a connection to `address` may be opened; `name` is what led to it, unless the URL had
    /// the address itself.
    pub fn judge(&self, name: Option<&str>, address: IpAddr, port: u16) -> Result<(), Reason> {
        let meant = network::meant(address);
        let special = network::special(meant);
        let named = |rule: &Rule| name.is_some_and(|name| rule.names(name, port));
        // A name can't open what is worse than loopback.
        let name_opens = special.is_none_or(|special| special.kind == Kind::Loopback);
        for layer in &self.layers {
            let hits =
                |rule: &&Rule| named(rule) || rule.holds(address, port) || rule.holds(meant, port);
            if let Some(rule) = layer.deny.iter().find(hits) {
                return Err(Reason::Listed(rule.to_string()));
            }
            let opens = |rule: &Rule| match rule.network() {
                Some(network) => {
                    rule.holds(meant, port)
                        && special.is_none_or(|special| special.network.covers(&network))
                }
                None => name_opens && named(rule),
            };
            if layer.allow.iter().any(opens) {
                return Ok(());
            }
        }
        match special {
            Some(Special { what, .. }) => Err(Reason::Special(what)),
            None if network::is_private(meant) => {
                if self.private {
                    Ok(())
                } else {
                    Err(Reason::Private)
                }
            }
            None if self.public => Ok(()),
            None => Err(Reason::Public),
        }
    }
}

/// Why a connection is refused: for the operator's log, not for the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This entry of `deny`.
    Listed(String),
    /// A range that is closed unless allowed.
    Special(&'static str),
    Private,
    Public,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed(rule) => write!(f, "deny has \"{rule}\""),
            Self::Special(what) => write!(f, "{what}, which allow does not name"),
            Self::Private => f.write_str("a private address, with private = false"),
            Self::Public => f.write_str("a public address, with public = false"),
        }
    }
}
