// Subclasses whose species and constructors are the host's own or throw.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    class Thrower extends Promise {
      static get [Symbol.species]() { throw new Error("species"); }
      then() { throw new Error("then"); }
    }
    class Stealer extends Promise {
      static get [Symbol.species]() { return Headers; }
    }
    const results = [];
    for (const promise of [Thrower.resolve(1), Stealer.resolve(1)]) {
      try {
        ctx.waitUntil(promise);
        results.push("taken");
      } catch (error) {
        results.push(error.name);
      }
    }
    class Buffer extends ArrayBuffer {
      static get [Symbol.species]() { return function () { return new ArrayBuffer(0); }; }
    }
    const text = await new Response(new Uint8Array(new Buffer(8)).fill(97)).text();
    const blob = await new Blob([new Buffer(8)]).slice(0, 4).arrayBuffer();
    return new Response(`done ${results} ${text} ${blob.byteLength}`);
  },
};
