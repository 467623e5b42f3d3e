// Prototypes of generators, async iterators and async functions.

const boom = () => { throw new Error("polluted"); };
const prototypes = [
  Object.getPrototypeOf(function* () {}).prototype, Object.getPrototypeOf(async function* () {}).prototype,
  Object.getPrototypeOf([][Symbol.iterator]()), Object.getPrototypeOf(""[Symbol.iterator]()),
  Object.getPrototypeOf(new Map().keys()), Object.getPrototypeOf(new Headers().keys()),
];
for (let i = 0; i < prototypes.length; i++) {
  for (let j = 0; j < 3; j++) prototypes[i][["next", "return", "throw"][j]] = boom;
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
