// Methods of Map, Set, WeakMap and WeakSet.

const boom = () => { throw new Error("polluted"); };
for (const Class of [Map, Set, WeakMap, WeakSet, WeakRef, FinalizationRegistry]) {
  for (const name of Reflect.ownKeys(Class.prototype)) {
    if (name !== "constructor") Object.defineProperty(Class.prototype, name, { get: boom, configurable: true });
  }
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
