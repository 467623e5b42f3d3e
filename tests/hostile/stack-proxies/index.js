// A proxy around a proxy, a hundred thousand times, given to the host.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let proxy = new Proxy({}, {});
    for (let i = 0; i < 100_000; i++) proxy = new Proxy(proxy, {});
    let callable = new Proxy(() => 1, {});
    for (let i = 0; i < 100_000; i++) callable = new Proxy(callable, {});
    const found = [];
    for (const attempt of [
      () => new Response("x", proxy),
      () => new Headers(proxy),
      () => console.log(proxy, callable),
      () => structuredClone(proxy),
      () => callable(),
      () => setTimeout(callable, 0),
      () => Object.prototype.toString.call(proxy),
      () => Array.isArray(proxy),
      () => proxy instanceof Response,
    ]) {
      try {
        attempt();
        found.push("done");
      } catch (error) {
        found.push(error.name);
      }
    }
    return new Response(found.join(" "));
  },
};
