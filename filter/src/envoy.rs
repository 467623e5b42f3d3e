//! Calls of Envoy that the SDK has no name for.

use nano_routing::filter::Store;
use proxy_wasm::hostcalls;
use proxy_wasm::types::Status;

/// Has a key of the filter state hold a string, which route matches, CEL expressions and access logs
/// can read; without it the value is bytes.
///
/// The argument is the protobuf message `DeclarePropertyArguments` of Envoy's
/// `source/extensions/common/wasm/ext/declare_property.proto`: name = 1, type = 3 (1: string). Its
/// life is that of the filter chain: an internal redirect decides anew.
pub fn declare_string(key: &str) {
    let length = u8::try_from(key.len()).unwrap_or_default();
    let mut message = vec![0x0a, length];
    message.extend_from_slice(key.as_bytes());
    message.extend_from_slice(&[0x18, 0x01]);
    // Declared already by an earlier configuration in this VM: then Envoy says that it is an error.
    let declared = hostcalls::call_foreign_function("declare_property", Some(&message));
    if let Err(status) = declared {
        log::debug!("nano: declare_property {key}: {status:?}");
    }
}

pub fn set_state(key: &str, value: &[u8]) {
    report(hostcalls::set_property(vec![key], Some(value)));
}

/// The client's address without its port, as Envoy's HTTP connection manager sees it.
pub fn client_address() -> Option<Vec<u8>> {
    let address = hostcalls::get_property(vec!["source", "address"]).ok().flatten()?;
    let end = address.iter().rposition(|byte| *byte == b':').unwrap_or(address.len());
    Some(address.get(..end)?.to_vec())
}

/// What Envoy refuses is worth a line, and no more: the request goes on.
pub fn report(result: Result<(), Status>) {
    if let Err(status) = result {
        log::warn!("nano: Envoy refused a call: {status:?}");
    }
}

/// Envoy's shared data: one map for all VMs with the same `vm_id`, in all threads, which outlives
/// configurations as long as one of these VMs lives. Its write with a number fails when the data has
/// another one, and inserts when there is no data, whatever the number: so the number of no state
/// means "if absent".
#[derive(Debug)]
pub struct SharedData;

impl Store for SharedData {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        let (data, number) = hostcalls::get_shared_data(key).ok()?;
        Some((data?, number?))
    }

    fn set(&self, key: &str, data: &[u8], number: u32) -> bool {
        hostcalls::set_shared_data(key, Some(data), Some(number)).is_ok()
    }
}
