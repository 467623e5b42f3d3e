//! Percent-encoding (<https://url.spec.whatwg.org/#percent-encoded-bytes>).

/// Characters that are encoded besides controls and what is not ASCII.
pub(super) type Set = &'static [u8];

pub(super) const CONTROLS: Set = b"";
pub(super) const FRAGMENT: Set = b" \"<>`";
pub(super) const QUERY: Set = b" \"#<>";
pub(super) const SPECIAL_QUERY: Set = b" \"#<>'";
pub(super) const PATH: Set = b" \"#<>?^`{}";
pub(super) const USERINFO: Set = b" \"#<>?^`{}/:;=@[\\]|";

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Encodes a text; `%` stays as it is.
pub(super) fn encode(text: &str, set: Set) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (b' '..=b'~').contains(&byte) && !set.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    out
}
