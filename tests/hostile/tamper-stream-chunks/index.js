// Chunks that are no bytes, and bytes that are taken away.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const resizable = new ArrayBuffer(1000, { maxByteLength: 10_000 });
    class Odd extends Uint8Array {
      static get [Symbol.species]() { throw new Error("species"); }
      get byteLength() { return 1e9; }
      get length() { return -1; }
      get buffer() { throw new Error("buffer"); }
      slice() { throw new Error("slice"); }
      subarray() { throw new Error("subarray"); }
    }
    const detached = new Uint8Array(1000);
    const shrunk = new Uint8Array(resizable, 500);
    const chunks = {
      "/string": "text", "/object": { length: 5 }, "/detached": detached, "/shrunk": shrunk,
      "/shared": new Uint8Array(new SharedArrayBuffer(1000)), "/subclass": new Odd(1000),
      "/proxy": new Proxy(new Uint8Array(10), {}), "/written": new Uint8Array(100_000),
    };
    const chunk = chunks[pathname];
    return new Response(new ReadableStream({
      start(controller) {
        controller.enqueue(chunk);
        if (pathname === "/detached") detached.buffer.transfer();
        if (pathname === "/shrunk") resizable.resize(10);
        if (pathname === "/written") setTimeout(() => chunk.fill(255), 0);
        setTimeout(() => controller.close(), 5);
      },
    }));
  },
};
