// WebAssembly that is compiled from bytes made at run time.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
    const names = [];
    for (const attempt of [() => new WebAssembly.Module(bytes), () => WebAssembly.compile(bytes), () => WebAssembly.instantiate(bytes)]) {
      try {
        await Promise.race([attempt(), scheduler.wait(500)]);
        names.push("compiled");
      } catch (error) {
        names.push(error.name);
      }
    }
    return new Response(names.join(" "));
  },
};
