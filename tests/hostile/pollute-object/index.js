// Setters, getters and values on Object.prototype for names that a host looks up.

const boom = () => { throw new Error("polluted"); };
for (const name of ["get", "set", "value", "writable", "enumerable", "configurable", "status", "statusText", "headers", "body",
  "method", "signal", "redirect", "cf", "invocation", "kind", "handle", "bytes", "done", "next", "return", "size", "type",
  "highWaterMark", "start", "pull", "cancel", "then", "reason", "fatal", "ignoreBOM", "mode", "preventClose", "once", "passive",
  "capture", "cause", "detail", "error", "promise", "key", "length", "0", "1", "2", "env", "fetch", "receiver"]) {
  if (["get", "set", "value", "writable", "enumerable", "configurable"].includes(name)) continue;
  Object.defineProperty(Object.prototype, name, {
    get: () => undefined,
    set(value) { Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true }); },
    configurable: true,
  });
}
Object.prototype.polluted = boom;
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
