// WebSockets, event streams and the Cache API; the path says which.

const handlers = {
  /** Talks to the origin's echo as a WebSocket client. */
  async socket(url, env) {
    const socket = new WebSocket(url.searchParams.get("to") ?? `${env.ORIGIN.replace("http", "ws")}/ws`);
    socket.binaryType = "arraybuffer";
    const seen = [];
    socket.onopen = () => {
      seen.push("open");
      socket.send("first");
      socket.send("x".repeat(200_000));
      socket.send(new Uint8Array([0, 1, 2, 255]));
    };
    socket.onmessage = ({ data }) => {
      seen.push(typeof data === "string" ? data.length : [...new Uint8Array(data)].join());
      if (typeof data !== "string") socket.close(1000, "enough");
    };
    socket.onerror = ({ message }) => seen.push(`error: ${message}`);
    const { code, wasClean } = await new Promise((resolve) => (socket.onclose = resolve));
    return Response.json({ seen, code, wasClean, left: socket.bufferedAmount });
  },

  /** The same by way of fetch(). */
  async upgrade(url, env) {
    const response = await fetch(`${env.ORIGIN}/ws`, { headers: { upgrade: "websocket" } });
    const socket = response.webSocket;
    if (socket === null) return new Response(`no WebSocket: ${response.status}`, { status: 500 });
    socket.accept();
    socket.send("hello");
    const { data } = await new Promise((resolve) => socket.addEventListener("message", resolve));
    socket.close(1000);
    return new Response(`${response.status} ${data}`);
  },

  /** An answer that can't be. */
  answer() {
    const [client] = Object.values(new WebSocketPair());
    return new Response(null, { status: 101, webSocket: client });
  },

  /** Two ends in one Worker. */
  async pair() {
    const { 0: one, 1: other } = new WebSocketPair();
    other.accept();
    other.addEventListener("message", ({ data }) => other.send(`${data}!`));
    one.accept();
    one.send("hello");
    const { data } = await new Promise((resolve) => one.addEventListener("message", resolve));
    const closed = new Promise((resolve) => other.addEventListener("close", resolve));
    one.close(4000, "done");
    const { code, reason } = await closed;
    return new Response(`${data} ${code} ${reason}`);
  },

  async events() {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    writer.write(new TextEncoder().encode("id: 7\nevent: tick\ndata: one\ndata: two\n\n"));
    const source = EventSource.from(readable);
    const { data, lastEventId } = await new Promise((resolve) => source.addEventListener("tick", resolve));
    source.close();
    return Response.json({ data, lastEventId });
  },

  async put(url, env, request) {
    const headers = { "cache-control": url.searchParams.get("control") ?? "max-age=100", etag: '"v1"', "content-type": "text/plain" };
    const body = await fetch(`${env.ORIGIN}/text/300000`);
    await caches.default.put(key(url), new Response(body.body, { headers }));
    return new Response("put");
  },
  async match(url, env, request) {
    const asked = new Headers();
    for (const name of ["range", "if-none-match"]) if (request.headers.has(name)) asked.set(name, request.headers.get(name));
    return (await caches.default.match(new Request(key(url), { headers: asked }))) ?? new Response("miss", { status: 404 });
  },
  async delete(url) {
    return new Response(String(await caches.default.delete(key(url))));
  },
};

const key = (url) => `https://cached.example/${url.searchParams.get("key")}`;

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    try {
      return await handlers[url.pathname.slice(1)](url, env, request);
    } catch (error) {
      return new Response(`${error?.name}: ${error?.message}`, { status: 599 });
    }
  },
};
