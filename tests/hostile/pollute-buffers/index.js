// Methods, lengths and species of typed arrays, buffers and views.

const boom = () => { throw new Error("polluted"); };
const TypedArray = Object.getPrototypeOf(Uint8Array);
for (const Class of [TypedArray, Uint8Array, ArrayBuffer, SharedArrayBuffer, DataView]) {
  for (const name of Reflect.ownKeys(Class.prototype)) {
    const own = Reflect.getOwnPropertyDescriptor(Class.prototype, name);
    if (name !== "constructor" && own.configurable) Object.defineProperty(Class.prototype, name, { get: boom, configurable: true });
  }
  Reflect.defineProperty(Class, Symbol.species, { get: boom });
}
ArrayBuffer.isView = boom;
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
