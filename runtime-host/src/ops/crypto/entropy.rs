//! Entropy: the operating system's, for Workers and for the algorithms.

use rsa::rand_core::{TryCryptoRng, TryRng};
use v8::{ArrayBufferView, FunctionCallbackArguments, Local, PinScope, ReturnValue};

use crate::ops::throw_type_error;

/// `cryptoRandomFill(view)`: fills it from the operating system's entropy source.
pub fn random_fill(
    scope: &mut PinScope<'_, '_>,
    args: FunctionCallbackArguments<'_>,
    _rv: ReturnValue<'_>,
) {
    let Ok(view) = Local::<ArrayBufferView>::try_from(args.get(0)) else {
        return throw_type_error(scope, "cryptoRandomFill takes a view");
    };
    let length = view.byte_length();
    if length == 0 {
        return;
    }
    // SAFETY: `data` is the start of `length` bytes of the view's buffer, which the handle keeps
    // alive; nobody else touches them while this op runs, as the caller refuses shared buffers.
    let bytes = unsafe { std::slice::from_raw_parts_mut(view.data().cast::<u8>(), length) };
    if getrandom::fill(bytes).is_err() {
        throw_type_error(scope, "the operating system gave no entropy");
    }
}

/// `cryptoRandomUuid() → string`: a version 4 UUID (RFC 9562 §5.4).
pub fn random_uuid(
    scope: &mut PinScope<'_, '_>,
    _args: FunctionCallbackArguments<'_>,
    mut rv: ReturnValue<'_>,
) {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        return throw_type_error(scope, "the operating system gave no entropy");
    }
    if let Some(text) =
        v8::String::new_from_one_byte(scope, &format_uuid(bytes), v8::NewStringType::Normal)
    {
        rv.set(text.into());
    }
}

fn format_uuid(mut bytes: [u8; 16]) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in bytes.into_iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    text
}

/// The operating system's entropy as the crates ask for it. `goes_on` is asked before each draw and
/// may end the operation.
pub struct Entropy<F = fn() -> bool> {
    goes_on: F,
}

impl Entropy {
    pub fn new() -> Self {
        Self { goes_on: || true }
    }
}

impl<F: FnMut() -> bool> Entropy<F> {
    /// Fails when `goes_on` says no.
    pub fn while_allowed(goes_on: F) -> Self {
        Self { goes_on }
    }
}

/// No entropy: the operating system gave none, or the operation was ended.
#[derive(Debug)]
pub struct NoEntropy;

impl std::fmt::Display for NoEntropy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("no entropy")
    }
}

impl std::error::Error for NoEntropy {}

impl<F: FnMut() -> bool> TryRng for Entropy<F> {
    type Error = NoEntropy;

    fn try_next_u32(&mut self) -> Result<u32, NoEntropy> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, NoEntropy> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        if !(self.goes_on)() {
            return Err(NoEntropy);
        }
        getrandom::fill(bytes).map_err(|_| NoEntropy)
    }
}

impl<F: FnMut() -> bool> TryCryptoRng for Entropy<F> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_version_and_variant() {
        let text = format_uuid([0xff; 16]);
        assert_eq!(&text, b"ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn entropy_ends_when_it_is_told_to() {
        let mut left = 2;
        let mut entropy = Entropy::while_allowed(|| {
            left -= 1;
            left >= 0
        });
        assert!(entropy.try_next_u32().is_ok() && entropy.try_next_u64().is_ok());
        assert!(entropy.try_next_u32().is_err());
    }
}
