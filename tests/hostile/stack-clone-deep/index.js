// StructuredClone, console.log and a response of objects a million levels deep.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let value = {};
    for (let i = 0; i < 300_000; i++) value = { value };
    const found = [];
    for (const attempt of [
      () => structuredClone(value),
      () => console.log(value),
      () => Response.json(value),
      () => ctx.setMetadata(value),
      () => new Blob([value]),
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
