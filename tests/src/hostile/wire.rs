//! Protobuf and gRPC framing by hand: a library would refuse to send most of what is sent here.

/// A length-delimited field.
pub fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = varint(u64::from(number << 3 | 2));
    out.extend(varint(bytes.len() as u64));
    out.extend_from_slice(bytes);
    out
}

/// A field that is a number.
pub fn number(field: u32, value: u64) -> Vec<u8> {
    let mut out = varint(u64::from(field << 3));
    out.extend(varint(value));
    out
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A message with gRPC's prefix.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend_from_slice(&(message.len() as u32).to_be_bytes());
    out.extend_from_slice(message);
    out
}

/// `envoy.config.core.v3.HeaderMap`, with values in `raw_value`.
pub fn headers<'a>(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let one = |(name, value)| field(1, &[field(1, name), field(3, value)].concat());
    fields.into_iter().flat_map(one).collect()
}

/// `HttpHeaders` or `HttpTrailers`, in the field `number` of `ProcessingRequest`.
pub fn head(place: u32, headers: &[u8], end: bool) -> Vec<u8> {
    field(place, &[field(1, headers), number(3, u64::from(end))].concat())
}

/// `HttpBody`, in the field `number` of `ProcessingRequest`.
pub fn body(place: u32, bytes: &[u8], end: bool) -> Vec<u8> {
    field(place, &[field(1, bytes), number(2, u64::from(end))].concat())
}

/// `protocol_config` with these body modes.
pub fn modes(request: u32, response: u32) -> Vec<u8> {
    field(11, &[number(1, request.into()), number(2, response.into())].concat())
}

/// `attributes` whose value is a list in a list in a list …
pub fn deep_attributes(depth: usize) -> Vec<u8> {
    // Value.list_value = 6, ListValue.values = 1; the innermost is a null.
    let mut value = number(1, 0);
    for _ in 0..depth {
        value = field(6, &field(1, &value));
    }
    let entry = [field(1, b"x"), field(2, &value)].concat();
    let map_entry =
        [field(1, b"envoy.filters.http.ext_proc"), field(2, &field(1, &entry))].concat();
    field(9, &map_entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lengths_are_as_protobuf_has_them() {
        assert_eq!(number(3, 300), [0x18, 0xac, 0x02]);
        assert_eq!(field(2, b"abc"), [0x12, 3, b'a', b'b', b'c']);
        assert_eq!(framed(b"x"), [0, 0, 0, 0, 1, b'x']);
    }
}
