// The host's functions called where hardly any stack is left.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const edge = (f) => {
      const deeper = () => {
        try {
          return deeper();
        } catch {
          return f();
        }
      };
      try {
        return deeper();
      } catch {
        return undefined;
      }
    };
    edge(() => new Headers({ a: "b" }).get("a"));
    edge(() => new Response("x", { headers: { a: "b" } }).clone());
    edge(() => new Request("http://a/b?c#d", { method: "POST", body: "x" }).clone());
    edge(() => new URL("http://a/b?c#d").searchParams.get("c"));
    edge(() => structuredClone({ a: [1, { b: new Map([[1, 2]]) }] }));
    edge(() => new TextDecoder().decode(new TextEncoder().encode("x")));
    edge(() => console.log({ a: { b: [1] } }, new Error("x")));
    edge(() => setTimeout(() => {}, 1));
    edge(() => new ReadableStream({ start(c) { c.enqueue("x"); c.close(); } }).tee());
    edge(() => fetch(`${env.ORIGIN}/slow?ms=1`).catch(() => {}));
    edge(() => Promise.reject(new Error("x")));
    edge(() => ctx.waitUntil(scheduler.wait(1)));
    edge(() => crypto.randomUUID());
    edge(() => btoa(atob("eA==")));
    edge(() => new Blob(["x", new Uint8Array(3)]).text());
    edge(() => request.signal.addEventListener("abort", () => {}));
    edge(() => [...request.headers]);
    edge(() => ctx.setMetadata({ a: 1 }));
    edge(() => reportError(new Error("x")));
    edge(() => import("./index.js").catch(() => {}));
    return new Response("called");
  },
};
