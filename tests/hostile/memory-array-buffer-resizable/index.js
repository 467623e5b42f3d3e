// Resizable buffers with a huge maximum, grown until it fails.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const kept = [];
    try {
      for (let i = 0; i < 200; i++) {
        const buffer = new ArrayBuffer(0, { maxByteLength: 1 << 24 });
        buffer.resize(1 << 24);
        new Uint8Array(buffer).fill(1);
        kept.push(buffer);
      }
    } catch (error) {
      return new Response(`${error.name} after ${kept.length}`);
    }
    return new Response("200 buffers of 16 MB", { status: 299 });
  },
};
