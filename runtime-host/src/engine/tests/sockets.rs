//! `WebSocket`s and the cache with a real engine and servers on loopback.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::client::tests::server::{Server, raw};
use crate::limits::Limits;

/// A WebSocket server that talks as `talk` does.
async fn server<F, R>(talk: F) -> Server
where
    F: Fn(WebSocketStream<TcpStream>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    raw(move |stream| {
        let talk = talk.clone();
        async move {
            if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
                talk(socket).await;
            }
        }
    })
    .await
}

/// What a Worker answers whose handler has the body `handler`; `URL` stands for the server.
async fn run(url: &str, handler: &str, limits: Limits) -> String {
    let source = format!(
        "const URL_OF = {url:?}; export default {{ async fetch(request, env, ctx) {{
            const closed = (socket) => new Promise((resolve) => socket.addEventListener('close', resolve));
            const message = (socket) => new Promise((resolve) => socket.addEventListener('message', resolve));
            const said = []; const error = (socket) => socket.addEventListener('error', (e) => said.push(e.message));
            {handler} }} }}"
    );
    let host = host();
    let mut version = bundle("a", &source);
    version.settings.limits = limits;
    host.deploy(Arc::new(version)).await.expect("it starts");
    let answered = commands(session(&host, start(Some("a"), None)));
    text(&tokio::time::timeout(Duration::from_secs(20), answered).await.expect("an answer"))
}

fn ws(server: &Server) -> String {
    format!("ws://{}/", server.address)
}

/// Opens, waits for the end, and tells of it.
const OBSERVE: &str =
    "const socket = new WebSocket(URL_OF); error(socket); const end = await closed(socket);
    return new Response([end.code, end.wasClean, end.reason, said.join(' ')].join('|'));";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_go_both_ways_and_pings_are_answered() {
    let echo = server(|mut socket| async move {
        let _ = socket.send(Message::Ping("p".into())).await;
        let mut ponged = false;
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Pong(_) => ponged = true,
                Message::Text(text) if text.as_str() == "ponged?" => {
                    let _ = socket.send(Message::text(ponged.to_string())).await;
                }
                Message::Text(_) | Message::Binary(_) => drop(socket.send(message).await),
                _ => {}
            }
        }
    })
    .await;
    let handler = "const socket = new WebSocket(URL_OF); await new Promise((r) => socket.onopen = r);
        socket.send('a\\u00e4\\ud83d\\ude00'); const one = (await message(socket)).data;
        socket.send(new Blob(['xyz'])); const two = await (await message(socket)).data.text();
        socket.binaryType = 'arraybuffer';
        socket.send(new Uint8Array(100000).fill(7).subarray(10)); const three = (await message(socket)).data;
        socket.send('ponged?'); const four = (await message(socket)).data;
        socket.close(3001, 'bye'); const end = await closed(socket);
        return new Response([one, two, three.byteLength, four, end.code, end.reason, end.wasClean, socket.readyState].join());";
    let answered = run(&ws(&echo), handler, Limits::default()).await;
    assert_eq!(answered, "a\u{e4}\u{1f600},xyz,99990,true,3001,bye,true,3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_has_its_code_and_its_reason() {
    // The server closes.
    let closing = server(|mut socket| async move {
        use tokio_tungstenite::tungstenite::protocol::CloseFrame;
        let frame = CloseFrame { code: 4001.into(), reason: "enough".into() };
        let _ = socket.close(Some(frame)).await;
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    assert_eq!(run(&ws(&closing), OBSERVE, Limits::default()).await, "4001|true|enough|");
    // It goes away.
    let leaving = server(|socket| async move { drop(socket) }).await;
    let told = run(&ws(&leaving), OBSERVE, Limits::default()).await;
    assert!(told.starts_with("1006|false||") && told.len() > 14, "{told}");
    // It sends what is no frame.
    let broken = server(|socket| async move {
        let mut stream = socket.into_inner();
        let _ = stream.write_all(&[0x83, 0x00]).await;
        let _ = stream.read(&mut [0; 100]).await;
    })
    .await;
    let told = run(&ws(&broken), OBSERVE, Limits::default()).await;
    assert!(told.contains("1006|false||the peer broke the WebSocket protocol"), "{told}");
    // A text that is none.
    let garbled = server(|socket| async move {
        let mut stream = socket.into_inner();
        let _ = stream.write_all(&[0x81, 0x01, 0xff]).await;
        let _ = stream.read(&mut [0; 100]).await;
    })
    .await;
    let told = run(&ws(&garbled), OBSERVE, Limits::default()).await;
    assert!(told.contains("not UTF-8"), "{told}");
    // No WebSocket server at all.
    let plain = http(|_| async { reply("plain") }).await;
    let told = run(&ws(&plain), OBSERVE, Limits::default()).await;
    assert!(told.contains("answered the WebSocket handshake with status 200"), "{told}");
    // One that only pretends to be.
    let false_one = raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 2000]).await;
        let head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                    sec-websocket-accept: AAAA\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.read(&mut [0; 100]).await;
    })
    .await;
    let told = run(&ws(&false_one), OBSERVE, Limits::default()).await;
    assert!(told.contains("sec-websocket-accept is wrong"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_bounded() {
    let giant = server(|mut socket| async move {
        let _ = socket.send(Message::binary(vec![0; 3 * 1024 * 1024])).await;
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let limits = Limits { websocket_message_mb: 2, ..Limits::default() };
    let told = run(&ws(&giant), OBSERVE, limits).await;
    assert!(
        told.contains("1006|false||") && told.contains("limits.websocket_message_mb"),
        "{told}"
    );
    // A frame that only claims to be larger is refused by its head.
    let claiming = server(|socket| async move {
        let mut stream = socket.into_inner();
        let _ = stream.write_all(&[0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0]).await;
        let _ = stream.read(&mut [0; 100]).await;
    })
    .await;
    let told = run(&ws(&claiming), OBSERVE, Limits::default()).await;
    assert!(told.contains("limits.websocket_message_mb"), "{told}");
    // Fragments without an end are counted while they come.
    let endless = server(|socket| async move {
        let mut stream = socket.into_inner();
        let piece = vec![0; 64 * 1024];
        let mut first = true;
        loop {
            let head = [if first { 0x02 } else { 0x00 }, 127, 0, 0, 0, 0, 0, 1, 0, 0];
            first = false;
            if stream.write_all(&head).await.is_err() || stream.write_all(&piece).await.is_err() {
                return;
            }
        }
    })
    .await;
    let limits = Limits { websocket_message_mb: 1024, memory_mb: 16, ..Limits::default() };
    let told = run(&ws(&endless), OBSERVE, limits).await;
    assert!(told.contains("larger than the Worker's memory limit"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_bounds_what_is_sent() {
    let deaf = server(|socket| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(socket);
    })
    .await;
    let limits = Limits { memory_mb: 16, ..Limits::default() };
    let handler = "const socket = new WebSocket(URL_OF); error(socket);
        await new Promise((r) => socket.onopen = r);
        const chunk = 'x'.repeat(1 << 20); let count = 0;
        while (socket.readyState === 1 && count < 100) { socket.send(chunk); count++; }
        const end = await closed(socket);
        return new Response([count < 100, end.code, said.join()].join('|'));";
    let told = run(&ws(&deaf), handler, limits).await;
    assert!(told.starts_with("true|1006|more was sent than"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetch_gives_a_socket_that_waits_until_it_is_accepted() {
    let greeting = server(|mut socket| async move {
        let _ = socket.send(Message::text("welcome")).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                let _ = socket.send(message).await;
            }
        }
    })
    .await;
    let handler = "const response = await fetch(URL_OF, { headers: { Upgrade: 'websocket' } });
        const socket = response.webSocket; let early = '';
        try { socket.send('x') } catch (e) { early = e.message.includes('accept()') }
        await scheduler.wait(50); const got = message(socket); socket.accept();
        const one = (await got).data; socket.send('back'); const two = (await message(socket)).data;
        const end = closed(socket); socket.close(1000, 'done');
        let answer; try { new Response(null, response) } catch (e) { answer = e.message.includes('WebSocket') }
        return new Response([response.status, early, one, two, (await end).code, answer].join());";
    let url = format!("http://{}/", greeting.address);
    assert_eq!(run(&url, handler, Limits::default()).await, "101,true,welcome,back,1000,true");
    let plain = http(|_| async { reply("plain") }).await;
    let handler = "const response = await fetch(URL_OF, { headers: { Upgrade: 'websocket' } });
        return new Response([response.status, response.webSocket, await response.text()].join());";
    let url = format!("http://{}/", plain.address);
    assert_eq!(run(&url, handler, Limits::default()).await, "200,,plain");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_ends_with_its_request() {
    let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let waiting = server(move |mut socket| {
        let told = told.clone();
        async move {
            let last = loop {
                match socket.next().await {
                    Some(Ok(Message::Close(frame))) => {
                        break frame.map(|frame| u16::from(frame.code));
                    }
                    Some(Ok(_)) => {}
                    _ => break None,
                }
            };
            let _ = told.send(last);
        }
    })
    .await;
    let handler =
        "const socket = new WebSocket(URL_OF); await new Promise((r) => socket.onopen = r);
        return new Response('gone');";
    assert_eq!(run(&ws(&waiting), handler, Limits::default()).await, "gone");
    let heard = tokio::time::timeout(Duration::from_secs(5), hears.recv()).await.expect("in time");
    assert_eq!(heard, Some(Some(1001)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_source_comes_back_with_what_it_saw_last() {
    let server = http(|request| async move {
        let last =
            request.headers().get("last-event-id").map(|id| id.to_str().unwrap_or("?").to_owned());
        let text = match last.as_deref() {
            None => "retry: 10\nid: 1\ndata: one\n\n".to_owned(),
            Some(id) => format!("data: after {id}\n\n"),
        };
        let mut response = reply(text);
        response
            .headers_mut()
            .insert("content-type", http::HeaderValue::from_static("text/event-stream"));
        response
    })
    .await;
    let handler = "const source = new EventSource(URL_OF); const seen = [];
        await new Promise((resolve) => { source.onmessage = (e) => { seen.push(e.data, e.lastEventId, e.origin === new URL(URL_OF).origin);
            if (seen.length > 3) resolve(); } });
        source.close(); return new Response([...seen, source.readyState].join());";
    let url = format!("http://{}/", server.address);
    assert_eq!(run(&url, handler, Limits::default()).await, "one,1,true,after 1,1,true,2");
    let wrong = http(|_| async { reply("plain") }).await;
    let handler = "const source = new EventSource(URL_OF);
        const { message: why } = await new Promise((resolve) => { source.onerror = resolve; });
        return new Response([source.readyState, why].join());";
    let url = format!("http://{}/", wrong.address);
    let told = run(&url, handler, Limits::default()).await;
    assert!(told.starts_with("2,") && told.contains("text/event-stream"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cache_is_kept_between_requests_and_from_others() {
    let source = "export default { async fetch(request) {
        const found = await caches.default.match('http://x.example/');
        if (found) return new Response(await found.text() + found.headers.get('cf-cache-status') + await caches.has('n'));
        const { readable, writable } = new IdentityTransformStream();
        const writer = writable.getWriter();
        const put = caches.default.put('http://x.example/', new Response(readable, { headers: { 'cache-control': 'max-age=9' } }));
        await writer.write(new TextEncoder().encode('kept ')); await writer.close(); await put;
        await (await caches.open('n')).put('http://y.example/', new Response('y'));
        return new Response('stored'); } }";
    let host = host();
    for name in ["a", "b"] {
        host.deploy(Arc::new(bundle(name, source))).await.expect("it starts");
    }
    let ask = async |name| text(&commands(session(&host, start(Some(name), None))).await);
    assert_eq!(ask("a").await, "stored");
    assert_eq!(ask("a").await, "kept HITtrue");
    assert_eq!(ask("b").await, "stored");
    host.remove("a");
    host.deploy(Arc::new(bundle("a", source))).await.expect("it starts");
    assert_eq!(ask("a").await, "stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_worker_does_to_its_builtins_does_not_matter() {
    let echo = server(|mut socket| async move {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                let _ = socket.send(message).await;
            }
        }
    })
    .await;
    let handler = "const tampered = () => { throw new Error('tampered'); };
        Array.prototype[Symbol.iterator] = tampered; Array.prototype.push = Array.prototype.includes = tampered;
        Map.prototype.get = Map.prototype.set = tampered; String.prototype.slice = String.prototype.indexOf = tampered;
        Response.error = Headers.prototype.get = JSON.parse = JSON.stringify = tampered;
        await caches.default.put('http://a/x', new Response('kept'));
        let seen = await (await caches.default.match('http://a/x')).text();
        const cache = await caches.open('n'); await cache.put('http://a/y', new Response('y'));
        seen += (await cache.keys()).length + (await cache.matchAll()).length;
        const socket = new WebSocket(URL_OF); await new Promise((r) => socket.onopen = r);
        socket.send('back'); seen += (await message(socket)).data; socket.close();
        const pair = new WebSocketPair(); pair[0].accept(); pair[1].accept(); pair[0].send('q');
        seen += (await message(pair[1])).data;
        return new Response(seen + (await closed(socket)).code);";
    assert_eq!(run(&ws(&echo), handler, Limits::default()).await, "kept2backq1005");
}
