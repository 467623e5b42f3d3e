// Dynamic metadata that is huge, deep, cyclic or no object.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const cyclic = {};
    cyclic.self = cyclic;
    let deep = 1;
    for (let i = 0; i < 5000; i++) deep = { deep };
    const results = [];
    for (const values of [cyclic, deep, { x: "x".repeat(1e6) }, null, 7, "x", [], { a: NaN, b: undefined, c: () => {}, "\ud800": "\udfff" }, { toJSON: () => { throw new Error("x"); } }]) {
      try {
        ctx.setMetadata(values);
        results.push("set");
      } catch (error) {
        results.push(error.name);
      }
    }
    return new Response(results.join(" "));
  },
};
