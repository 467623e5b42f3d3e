//! gRPC's length-prefixed messages (gRPC over HTTP/2, "Length-Prefixed-Message").

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;

use crate::ext_proc::status::{Code, Status};

const PREFIX_BYTES: usize = 5;

/// Cuts DATA frames into messages. A message inside one frame shares that frame's memory.
#[derive(Debug)]
pub(super) struct Decoder {
    frame: Bytes,
    /// The beginning of a message (prefix included) that goes on in later frames.
    partial: BytesMut,
    max_message_bytes: usize,
}

impl Decoder {
    pub fn new(max_message_bytes: usize) -> Self {
        Self { frame: Bytes::new(), partial: BytesMut::new(), max_message_bytes }
    }

    /// To be called when [`Decoder::next`] said `None`.
    pub fn feed(&mut self, frame: Bytes) {
        debug_assert!(self.frame.is_empty(), "messages were left in the last frame");
        self.frame = frame;
    }

    /// Whether the stream may end here.
    pub fn is_at_boundary(&self) -> bool {
        self.frame.is_empty() && self.partial.is_empty()
    }

    /// The next whole message, if it is there.
    pub fn next(&mut self) -> Result<Option<Bytes>, Status> {
        if self.partial.is_empty() {
            if let Some(length) = self.length(&self.frame)?
                && self.frame.len() >= PREFIX_BYTES + length
            {
                self.frame.advance(PREFIX_BYTES);
                return Ok(Some(self.frame.split_to(length)));
            }
            self.move_to_partial(self.frame.len());
            return Ok(None);
        }
        let missing = PREFIX_BYTES.saturating_sub(self.partial.len());
        self.move_to_partial(missing);
        let Some(length) = self.length(&self.partial)? else { return Ok(None) };
        let total = PREFIX_BYTES + length;
        self.partial.reserve(total - self.partial.len());
        self.move_to_partial(total - self.partial.len());
        if self.partial.len() < total {
            return Ok(None);
        }
        let mut message = std::mem::take(&mut self.partial).freeze();
        message.advance(PREFIX_BYTES);
        Ok(Some(message))
    }

    fn move_to_partial(&mut self, bytes: usize) {
        let bytes = bytes.min(self.frame.len());
        self.partial.extend_from_slice(&self.frame.split_to(bytes));
    }

    /// The length of the message that begins here, once its prefix is whole.
    fn length(&self, bytes: &[u8]) -> Result<Option<usize>, Status> {
        let Some((&[compressed, a, b, c, d], _)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        if compressed != 0 {
            let message = "compressed gRPC messages are not supported: remove the compressor \
                           from the ext_proc cluster"
                .to_owned();
            return Err(Status { code: Code::Unimplemented, message });
        }
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > self.max_message_bytes {
            return Err(Status::too_large(format!(
                "a message of {length} bytes: the limit is {} (max_message_bytes)",
                self.max_message_bytes
            )));
        }
        Ok(Some(length))
    }
}

/// Appends `message` with its prefix.
pub(super) fn encode(message: &impl Message, into: &mut BytesMut) {
    let length = message.encoded_len();
    into.reserve(PREFIX_BYTES + length);
    into.put_u8(0);
    into.put_u32(length as u32);
    // Only a lack of room could fail, and BytesMut grows.
    message.encode_raw(into);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend_from_slice(&(body.len() as u32).to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    fn decode(frames: impl IntoIterator<Item = Bytes>, limit: usize) -> Result<Vec<Bytes>, Status> {
        let mut decoder = Decoder::new(limit);
        let mut messages = Vec::new();
        for frame in frames {
            decoder.feed(frame);
            while let Some(message) = decoder.next()? {
                messages.push(message);
            }
        }
        assert!(decoder.is_at_boundary());
        Ok(messages)
    }

    #[test]
    fn messages_are_found_however_frames_cut_them() {
        let bodies: [&[u8]; 4] = [b"first", b"", b"a third, longer one", b"x"];
        let stream = Bytes::from(bodies.iter().flat_map(|body| message(body)).collect::<Vec<_>>());
        for size in 1..=stream.len() {
            let frames = (0..stream.len())
                .step_by(size)
                .map(|at| stream.slice(at..stream.len().min(at + size)));
            assert_eq!(decode(frames, 100).unwrap(), bodies, "frames of {size} bytes");
        }
    }

    #[test]
    fn a_message_in_one_frame_is_not_copied() {
        let frame = Bytes::from(message(b"body"));
        let messages = decode([frame.clone()], 100).unwrap();
        assert_eq!(messages[0].as_ptr(), frame[PREFIX_BYTES..].as_ptr());
    }

    #[test]
    fn a_message_above_the_limit_is_refused_before_it_arrives() {
        let refused = decode([Bytes::from_static(&[0, 0, 0, 0, 101])], 100).unwrap_err();
        assert_eq!(refused.code, Code::ResourceExhausted);
        assert!(refused.message.contains("max_message_bytes"), "{refused}");
    }

    #[test]
    fn a_compressed_message_is_refused() {
        let refused = decode([Bytes::from_static(&[1, 0, 0, 0, 0])], 100).unwrap_err();
        assert_eq!(refused.code, Code::Unimplemented);
    }
}
