//! Workers, clients and upstreams that do things in odd orders: nothing is left over.

use std::sync::Arc;

use super::driver::{Driver, begin, respond, text, upstream};
use crate::exchange::{Close, Command, Event, Side};
use crate::isolate::message::{Effect, Expiry, Message, SubrequestHead, Upload};
use crate::limits::Limits;
use crate::telemetry::Outcome;
use crate::worker::Settings;

fn handler(code: &str) -> Driver {
    Driver::new(&format!("export default {{ async fetch(request, env, ctx) {{ {code} }} }}"))
}

impl Driver {
    /// The last subrequest: its op and body, and the id of its upload.
    fn subrequest(&self) -> (u32, u32, Option<u32>) {
        let last = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Subrequest(s) => Some((
                s.op,
                s.body,
                match &s.upload {
                    Upload::Stream { leaving, .. } => Some(*leaving),
                    _ => None,
                },
            )),
            _ => None,
        });
        last.expect("a subrequest")
    }

    fn has(&self, wanted: impl Fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(wanted)
    }
}

#[test]
fn timers_of_one_turn_that_are_cleared_leave_nothing() {
    let mut worker = handler(
        "for (let i = 0; i < 50_000; i++) clearTimeout(setTimeout(() => {}, 1e6));
         setTimeout(() => {}, NaN); setTimeout(() => {}, -1); setTimeout(() => {}, 1e300); setTimeout(() => {}, Infinity);
         await scheduler.wait(2 ** 31 - 1); return new Response('x');",
    );
    worker.start("GET", "/");
    let timers = worker.effects.iter().filter(|e| matches!(e, Effect::Timer { .. })).count();
    assert_eq!(timers, 5);
    assert!(!worker.has(|e| matches!(e, Effect::ClearTimer { .. })));
}

#[test]
fn a_timer_of_a_finished_invocation_is_cleared_and_does_not_fire() {
    let mut worker = Driver::new(
        "let fired = 0; export default { async fetch() {
            setTimeout(() => fired++, 1000); await scheduler.wait(1); return new Response(String(fired))
        } }",
    );
    worker.start("GET", "/");
    let [timer, wait] = worker.timers(1)[..] else { panic!("two timers") };
    worker.send(Message::Timer { id: 1, timer: wait });
    assert!(worker.has(|e| matches!(e, Effect::ClearTimer { timer: t, .. } if *t == timer)));
    // It was on its way when it was cleared.
    worker.send(Message::Timer { id: 1, timer });
    worker.commands();
    worker.start_as(2, "GET", "/");
    worker.send(Message::Timer { id: 2, timer: wait + 2 });
    assert_eq!(text(&respond(&worker.commands()).body), "0");
}

#[test]
fn another_invocations_timer_can_be_cleared() {
    let mut worker = Driver::new(
        "let timer; export default { async fetch(request) {
            if (request.url.endsWith('clear')) { clearTimeout(timer); return new Response('cleared') }
            await new Promise((resolve) => { timer = setTimeout(resolve, 1000) }); return new Response('late');
        } }",
    );
    assert!(worker.start("GET", "/").is_empty());
    worker.effects.clear();
    worker.start_as(2, "GET", "/clear");
    assert!(worker.has(|e| matches!(e, Effect::ClearTimer { id: 1, .. })));
    // The first one waits for nothing now.
    assert_eq!(worker.instance.running(), 0);
}

#[test]
fn an_aborted_fetch_drops_its_upload() {
    let mut worker = handler(
        "const c = new AbortController();
         const endless = new ReadableStream({ pull(s) { s.enqueue(new Uint8Array(65536)) } });
         const sent = fetch('http://other.example/', { method: 'POST', body: endless, signal: c.signal });
         setTimeout(() => c.abort(), 5);
         try { await sent } catch (e) { return new Response(e.name) }",
    );
    assert!(worker.start("GET", "/").is_empty());
    let (_, body, upload) = worker.subrequest();
    assert!(upload.is_some());
    worker.fire_timers(1);
    let commands = worker.commands();
    assert_eq!(text(&respond(&commands).body), "AbortError");
    assert!(worker.has(|e| matches!(e, Effect::CancelBody(b) if *b == body)));
    assert!(worker.has(|e| matches!(e, Effect::UploadError(l, _) if Some(*l) == upload)));
    assert_eq!(worker.instance.running(), 0);
}

#[test]
fn a_failed_subrequest_drops_its_upload() {
    let mut worker = handler(
        "const endless = new ReadableStream({ pull(s) { s.enqueue(new Uint8Array(65536)) } });
         try { await fetch('http://other.example/', { method: 'POST', body: endless }) } catch (e) { return new Response(e.name) }",
    );
    worker.start("GET", "/");
    let (op, _, _) = worker.subrequest();
    worker.send(Message::Subrequest { id: 1, op, result: Err("refused".into()) });
    assert_eq!(text(&respond(&worker.commands()).body), "TypeError");
    assert_eq!(worker.instance.running(), 0);
}

#[test]
fn messages_for_what_is_over_are_ignored() {
    let mut worker =
        handler("ctx.waitUntil(fetch('http://other.example/')); return new Response('x')");
    worker.start("GET", "/");
    let (op, body, _) = worker.subrequest();
    worker.send(Message::Expired { id: 1, limit: Expiry::WaitUntil });
    assert_eq!(worker.instance.running(), 0);
    let head = SubrequestHead {
        body,
        status: 200,
        status_text: String::new(),
        headers: crate::exchange::HeaderList::default(),
        url: "http://other.example/".into(),
        redirected: false,
        length: None,
        has_body: true,
    };
    for message in [
        Message::Subrequest { id: 1, op, result: Ok(head) },
        Message::Chunk { body, chunk: "x".into() },
        Message::End { body },
        Message::Failed { body, reason: "x".into() },
        Message::UploadRoom { leaving: 7 },
        Message::Timer { id: 1, timer: 1 },
        Message::Expired { id: 1, limit: Expiry::Wall },
        Message::Exchange { id: 1, event: upstream(200) },
        Message::Exchange { id: 1, event: Event::Closed(Close::Complete) },
        Message::Exchange { id: 9, event: Event::Closed(Close::Disconnected) },
    ] {
        worker.send(message);
    }
    assert_eq!(text(&respond(&worker.start_as(2, "GET", "/")).body), "x");
}

#[test]
fn chunks_after_a_cancel_are_dropped() {
    let mut worker = handler(
        "const reader = request.body.getReader(); await reader.read(); await reader.cancel();
         await scheduler.wait(5); return new Response('x')",
    );
    worker.start("POST", "/");
    worker.event(Event::Chunk(Side::Request, "a".into()));
    for _ in 0..100 {
        worker.event(Event::Chunk(Side::Request, vec![0; 65536].into()));
    }
    assert_eq!(worker.instance.buffered(), 0);
    worker.event(Event::End(Side::Request));
    worker.fire_timers(1);
    assert_eq!(text(&respond(&worker.commands()).body), "x");
    assert_eq!(worker.instance.running(), 0);
}

#[test]
fn the_end_of_the_exchange_wakes_who_waits_for_it() {
    let mut worker =
        handler("try { await fetch(request) } catch (e) { return new Response(e.name) }");
    worker.start("GET", "/");
    worker.event(Event::Closed(Close::Complete));
    assert_eq!(worker.instance.running(), 0);
    let mut worker = handler("return new Response(String((await request.text()).length))");
    worker.start("POST", "/");
    worker.event(Event::Closed(Close::Complete));
    assert_eq!(worker.instance.running(), 0);
    assert_eq!(worker.finished().map(|f| f.0), Some(Outcome::Exception));
}

#[test]
fn a_stream_that_is_answered_after_the_client_left_is_not_kept() {
    let mut worker = handler(
        "ctx.waitUntil(scheduler.wait(1000));
         await scheduler.wait(5);
         return new Response(new ReadableStream({ pull(s) { s.enqueue(new Uint8Array(65536)) } }))",
    );
    worker.start("GET", "/");
    let timers = worker.timers(1);
    worker.event(Event::Closed(Close::Disconnected));
    for timer in timers {
        worker.send(Message::Timer { id: 1, timer });
    }
    assert_eq!(worker.instance.running(), 0);
    assert_eq!(worker.finished().map(|f| f.0), Some(Outcome::Canceled));
}

/// V8 drops all microtasks when it terminates one.
#[test]
fn an_invocation_whose_microtasks_were_dropped_does_not_wait_for_good() {
    let settings =
        Settings { limits: Limits { cpu_ms: 30, ..Limits::default() }, ..Settings::default() };
    let source = "let wake; export default { async fetch(request) {
        if (request.url.endsWith('loop')) { wake(); for (;;); }
        const timer = setTimeout(() => {}, 1e6);
        await new Promise((resolve) => { wake = resolve }); clearTimeout(timer); return new Response('woken');
    } }";
    let mut worker = Driver::with(source, settings);
    assert!(worker.start("GET", "/").is_empty());
    worker.start_as(2, "GET", "/loop");
    // Its timer is all that the first one has left.
    worker.fire_timers(1);
    assert_eq!(worker.instance.running(), 0);
}

#[test]
fn floods_are_bounded() {
    let mut worker = handler(
        "for (let i = 0; i < 10_000; i++) Promise.reject(new Error('flood ' + i));
         for (let i = 0; i < 10_000; i++) ctx.waitUntil(Promise.resolve(i));
         console.log('x'.repeat(1e6)); console.error('é'.repeat(1e6));
         let refused = '';
         try { for (;;) ctx.setMetadata({ a: 'x'.repeat(1000) }) } catch (e) { refused = e.name }
         return new Response(refused);",
    );
    let commands = worker.start("GET", "/");
    assert_eq!(text(&respond(&commands).body), "TypeError");
    let metadata = commands.iter().filter(|c| matches!(c, Command::Metadata(_))).count();
    assert!((50..70).contains(&metadata), "{metadata}");
    assert_eq!(worker.instance.running(), 0);
}

#[test]
fn uploads_are_bounded_by_the_memory_limit() {
    let settings =
        Settings { limits: Limits { memory_mb: 32, ..Limits::default() }, ..Settings::default() };
    let source = "export default { async fetch() {
        const body = new Uint8Array(8 << 20); let sent = 0;
        try { for (let i = 0; i < 50; i++) { fetch('http://other.example/', { method: 'POST', body }).catch(() => {}); sent++; await 0 } } catch {}
        return new Response(String(sent));
    } }";
    let mut worker = Driver::with(source, settings);
    worker.start("GET", "/");
    let uploads = worker.effects.iter().filter(|e| matches!(e, Effect::Subrequest(_))).count();
    assert!(uploads <= 4, "{uploads}");
}

#[test]
fn a_collected_body_is_bounded_by_the_memory_limit() {
    let settings =
        Settings { limits: Limits { memory_mb: 32, ..Limits::default() }, ..Settings::default() };
    let mut worker = Driver::with(
        "export default { async fetch(request) { return new Response(await request.text()) } }",
        settings,
    );
    worker.start("POST", "/");
    for _ in 0..64 {
        worker.event(Event::Chunk(Side::Request, vec![b'x'; 1 << 20].into()));
    }
    assert_eq!(worker.finished().map(|f| f.0), Some(Outcome::ExceededMemory));
    assert_eq!(worker.instance.running(), 0);
    let outbox = Arc::default();
    worker.send(begin(2, "GET", "/", outbox));
}
