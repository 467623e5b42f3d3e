// Lengths that no array may have.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const names = [];
    for (const attempt of [
      () => new Array(-1),
      () => { [].length = -1; },
      () => { [].length = 2 ** 32; },
      () => new Uint8Array(2 ** 53 - 1),
    ]) {
      try {
        attempt();
      } catch (error) {
        names.push(error.name);
      }
    }
    return new Response(names.join(" "));
  },
};
