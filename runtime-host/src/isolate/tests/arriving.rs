//! Bodies on their way into JavaScript: as text, in pieces, and how long their memory is kept.

use bytes::Bytes;

use super::driver::{Driver, respond, text};
use crate::exchange::{Command, Event, Side};
use crate::isolate::body::CHUNK_MAX_BYTES;
use crate::limits::Limits;
use crate::telemetry::Outcome;
use crate::worker::Settings;

fn handler(code: &str) -> Driver {
    Driver::new(&format!("export default {{ async fetch(request) {{ {code} }} }}"))
}

/// Sends the parts as the request's body; all commands.
fn upload(driver: &mut Driver, parts: &[&[u8]]) -> Vec<Command> {
    let mut commands = driver.start("POST", "/");
    for part in parts {
        commands.extend(driver.event(Event::Chunk(Side::Request, Bytes::copy_from_slice(part))));
    }
    commands.extend(driver.event(Event::End(Side::Request)));
    commands
}

#[test]
fn text_is_decoded_whatever_its_size_and_however_it_was_cut() {
    let long = "0123456789abcdef".repeat(10_000);
    let cases: [(&[&[u8]], String); 9] = [
        (&[], String::new()),
        (&[b"short"], "short".into()),
        (&[b"two ", b"parts"], "two parts".into()),
        (&[long.as_bytes()], long.clone()),
        (&[long.as_bytes(), b"!", long.as_bytes()], format!("{long}!{long}")),
        (&["\u{fc}ml\u{e4}ut".as_bytes()], "ümläut".into()),
        (&[b"\xf0\x9f", b"\x92\x96", long.as_bytes()], format!("\u{1f496}{long}")),
        (&[b"\xef\xbb", b"\xbf\xef\xbb\xbfone mark is left"], "\u{feff}one mark is left".into()),
        (&[b"wrong: \xff\xc3"], "wrong: \u{fffd}\u{fffd}".into()),
    ];
    for (parts, expected) in cases {
        let mut driver = handler("return new Response(await request.text())");
        let commands = upload(&mut driver, parts);
        assert!(text(&respond(&commands).body) == expected, "{} bytes", expected.len());
    }
}

#[test]
fn a_large_text_is_an_ordinary_string() {
    let json = format!("[{}1]", "1,".repeat(50_000));
    let mut driver = handler(
        "const s = await request.text();
         const parsed = JSON.parse(s).length;
         const tail = s.slice(-3) + s.indexOf(']') + s.replaceAll('1,', '').length;
         return new Response([parsed, tail, new TextEncoder().encode(s).length])",
    );
    let commands = upload(&mut driver, &[&json.as_bytes()[..7], &json.as_bytes()[7..]]);
    assert_eq!(text(&respond(&commands).body), "50001,,1]1000023,100003");
}

#[test]
fn whole_bodies_are_of_their_own_memory() {
    let part = vec![7; 30_000];
    let mut driver = handler(
        "const bytes = new Uint8Array(await request.arrayBuffer());
         bytes[0] = 1; bytes[59999] = 2;
         return new Response([bytes.length, bytes.buffer.byteLength, bytes[1], bytes[59999]])",
    );
    let commands = upload(&mut driver, &[&part, &part]);
    assert_eq!(text(&respond(&commands).body), "60000,60000,7,2");
}

#[test]
fn texts_that_a_worker_keeps_count_against_its_memory() {
    let limits = Limits { memory_mb: 16, ..Limits::default() };
    let mut driver = Driver::with(
        "const all = [];
         export default { async fetch(request) {
             all.push(await request.text());
             return new Response('kept');
         } }",
        Settings { limits, ..Settings::default() },
    );
    let part = vec![b'x'; 1024 * 1024];
    let mut kept = 0;
    while driver.finished().is_none_or(|(outcome, _)| outcome == Outcome::Ok) {
        driver.effects.clear();
        let commands = upload(&mut driver, &[&part, &part]);
        kept += usize::from(text(&respond(&commands).body) == "kept");
        assert!(kept < 10, "20 MB were kept within 16 MB of memory");
    }
    assert!(kept >= 4, "{kept} texts of 2 MB were kept within 16 MB of memory");
    assert_eq!(driver.finished().map(|f| f.0), Some(Outcome::ExceededMemory));
}

/// Commands that carry pieces of the response, and how many bytes those are.
fn pieces(commands: &[Command]) -> Vec<usize> {
    commands
        .iter()
        .filter_map(|command| match command {
            Command::Body(Side::Response, piece) => Some(piece.len()),
            _ => None,
        })
        .collect()
}

/// What a front end does when the pieces were sent.
fn release(driver: &Driver, commands: &[Command]) {
    let _has_room_again = driver.outbox.release(Side::Response, pieces(commands).iter().sum());
}

#[test]
fn a_stream_gives_small_pieces_of_large_messages_and_keeps_none() {
    const MESSAGE: usize = 1024 * 1024;
    let mut driver = handler(
        "const upper = new TransformStream({ transform(chunk, c) { c.enqueue(chunk.map((b) => b ^ 1)) } });
         return new Response(request.body.pipeThrough(upper))",
    );
    driver.start("POST", "/");
    let message = Bytes::from(vec![1; MESSAGE]);
    let mut most = 0;
    for _ in 0..40 {
        let mut commands = driver.event(Event::Chunk(Side::Request, message.clone()));
        let mut sent = pieces(&commands);
        while sent.iter().sum::<usize>() < MESSAGE {
            release(&driver, &commands);
            commands = driver.event(Event::Drained(Side::Response));
            let more = pieces(&commands);
            assert!(!more.is_empty(), "{} of {MESSAGE} bytes came", sent.iter().sum::<usize>());
            sent.extend(more);
        }
        release(&driver, &commands);
        assert!(sent.iter().all(|bytes| *bytes <= CHUNK_MAX_BYTES), "{sent:?}");
        most = most.max(driver.instance.buffer_bytes());
    }
    assert!(most < 8 * 1024 * 1024, "{most} bytes of buffers were kept");
}
