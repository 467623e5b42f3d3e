//! Base64 as the web defines it (<https://infra.spec.whatwg.org/#forgiving-base64>).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use v8::{FunctionCallbackArguments, PinScope, ReturnValue};

use super::values;

/// Forgiving: bits left over at the end are dropped. Padding is taken off before.
const DECODER: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
);

/// `btoa(string) → string`, or undefined when a code unit is no byte.
pub fn btoa<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(string) = values::string(scope, &args, 0) else { return };
    if !string.contains_only_onebyte() {
        return;
    }
    let mut bytes = vec![0; string.length()];
    string.write_one_byte_v2(scope, 0, &mut bytes, v8::WriteFlags::empty());
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    if let Some(encoded) = values::new_one_byte_string(scope, encoded.as_bytes()) {
        rv.set(encoded.into());
    }
}

/// `atob(string) → string` with a code unit for each byte, or undefined for what is not base64.
pub fn atob<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(string) = values::string(scope, &args, 0) else { return };
    if !string.contains_only_onebyte() {
        return;
    }
    let mut bytes = vec![0; string.length()];
    string.write_one_byte_v2(scope, 0, &mut bytes, v8::WriteFlags::empty());
    let Some(decoded) = forgiving_decode(bytes) else { return };
    if let Some(decoded) = values::new_one_byte_string(scope, &decoded) {
        rv.set(decoded.into());
    }
}

fn forgiving_decode(mut text: Vec<u8>) -> Option<Vec<u8>> {
    // ASCII white space of the Infra Standard.
    text.retain(|byte| !matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' '));
    if text.len().is_multiple_of(4) {
        for _ in 0..2 {
            if text.last() == Some(&b'=') {
                text.pop();
            }
        }
    }
    DECODER.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::forgiving_decode;

    #[test]
    fn decodes_as_the_infra_standard_says() {
        let cases: [(&str, Option<&[u8]>); 11] = [
            ("", Some(b"")),
            ("YQ==", Some(b"a")),
            (" Y\tQ\n\u{c}\r= =", Some(b"a")),
            ("YQ", Some(b"a")),
            ("YR", Some(b"a")),
            ("YQ=", None),
            ("YQ===", None),
            ("Y", None),
            ("=", None),
            ("A=A=", None),
            ("YQ-_", None),
        ];
        for (text, expected) in cases {
            assert_eq!(forgiving_decode(text.into()).as_deref(), expected, "{text:?}");
        }
    }
}
