//! Privileges: an engine has none of the superuser's, whoever runs it.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// Capabilities that the kernel's interface has room for; Linux 6.12 knows 41.
const CAPABILITIES: u32 = 64;

/// Gives all capabilities up, for this thread and those it starts: those in effect, those it could
/// take, and those that a program it starts would get (`capabilities(7)`: the bounding and the ambient
/// set).
///
/// # Errors
/// The kernel refuses what needs no privilege. Text for the operator.
pub fn give_up() -> Result<(), String> {
    keep_niceness();
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_no_new_privs(true)
        .and_then(|()| empty_bounding_set())
        .and_then(|()| match clear_ambient_capability_set() {
            // Before Linux 4.3 there is none.
            Err(Errno::INVAL) => Ok(()),
            other => other,
        })
        .and_then(|()| set_capabilities(None, none))
        .map_err(|error| error.to_string())
}

/// Comes first: it takes a capability itself. Who does not have that leaves the set as it is, and
/// `no_new_privs` keeps programs from getting anything of it.
fn empty_bounding_set() -> Result<(), Errno> {
    for number in 0..CAPABILITIES {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // The kernel knows no more, or this is no superuser.
            Err(Errno::INVAL | Errno::PERM) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A thread that lowers its priority for a long turn takes that back afterwards. The superuser may; now
/// a resource limit has to let it. Whoever can't raise that could not do so before either.
fn keep_niceness() {
    // Niceness n needs 20 - n (`getrlimit(2)`).
    const ORDINARY: u64 = 20;
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= ORDINARY);
    let limit = getrlimit(Resource::Nice);
    if enough(limit.current) {
        return;
    }
    let maximum = if enough(limit.maximum) { limit.maximum } else { Some(ORDINARY) };
    let raised = Rlimit { current: Some(ORDINARY), maximum };
    if let Err(error) = setrlimit(Resource::Nice, raised) {
        tracing::debug!(%error, "long turns keep their priority");
    }
}
