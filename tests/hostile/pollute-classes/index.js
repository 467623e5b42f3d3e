// Getters, methods and instances of the host's own classes.

const boom = () => { throw new Error("polluted"); };
const real = {
  text: Request.prototype.text, responseText: Response.prototype.text, get: Headers.prototype.get,
  headers: Reflect.getOwnPropertyDescriptor(Response.prototype, "headers").get,
};
for (const Class of [Request, Response, Headers, ReadableStreamDefaultReader, ReadableStream, WritableStream,
  TransformStream, AbortController, Blob, EventTarget, Event, FormData, ExecutionContext]) {
  for (const name of Reflect.ownKeys(Class.prototype)) {
    const own = Reflect.getOwnPropertyDescriptor(Class.prototype, name);
    if (name === "constructor" || !own.configurable) continue;
    if (Class === Request && (name === "url" || name === "text")) continue;
    if (Class === Response && (name === "text" || name === "headers")) continue;
    if (Class === Headers && name === "get") continue;
    if (Class === ExecutionContext && name === "waitUntil") continue;
    Object.defineProperty(Class.prototype, name, { get: boom, set: boom, configurable: true });
  }
  Object.defineProperty(Class, Symbol.hasInstance, { value: () => true });
}
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const upstream = await fetch(`${env.ORIGIN}/headers`, { headers: { "x-sent": "yes" }, signal: AbortSignal.timeout(5000) });
    const text = await upstream.text();
    const own = await request.text();
    await scheduler.wait(1);
    ctx.waitUntil(scheduler.wait(1));
    console.log("worked", { text });
    const url = new URL("/a?b=c", request.url);
    url.searchParams.append("d", "e");
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(`${own} ${upstream.headers.get("x-origin")} ${url.search} ${text}`));
        controller.close();
      },
    });
    return new Response(stream, { status: 201, headers: { "x-worked": "yes" } });
  },
};
