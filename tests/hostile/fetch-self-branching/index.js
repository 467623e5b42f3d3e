// A Worker that fetches itself twenty times, and so does each of those.
let asked = 0;
let invocations = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname, hostname, port } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    invocations++;
    const first = !request.headers.has("x-below");
    // Another name each time: its own is where the exchange goes on to the upstream.
    const name = hostname === "localhost" ? "127.0.0.1" : "localhost";
    const below = [];
    for (let i = 0; i < 20; i++) {
      const headers = { "x-test-worker": "fetch-self-branching", "x-below": "1" };
      below.push(fetch(`http://${name}:${port}/`, { headers }).then((answer) => answer.arrayBuffer()));
    }
    await Promise.allSettled(below);
    if (!first) return new Response("below");
    // Six chains of 17 at most.
    return new Response(invocations <= 6 * 17 ? `bounded: ${invocations}` : `${invocations} invocations`);
  },
};
