// Call, apply, bind, Reflect, Object's own functions, JSON and Symbol.hasInstance.

const boom = () => { throw new Error("polluted"); };
const define = Object.defineProperty;
define(Function.prototype, "call", { value: boom });
define(Function.prototype, "apply", { value: boom });
define(Function.prototype, "bind", { value: boom });
for (const namespace of [Object, JSON, Math, Atomics]) {
  for (const name of Object.getOwnPropertyNames(namespace)) {
    if (typeof namespace[name] === "function") define(namespace, name, { value: boom, configurable: true, writable: true });
  }
}
for (const name of Reflect.ownKeys(Reflect)) if (typeof Reflect[name] === "function") Reflect[name] = boom;
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
        controller.enqueue(new TextEncoder().encode(`${text.trim()} ${own} ${upstream.headers.get("x-origin")} ${url.search}`));
        controller.close();
      },
    });
    return new Response(stream, { status: 201, headers: { "x-worked": "yes" } });
  },
};
