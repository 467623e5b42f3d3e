// Regular expressions with a hundred thousand groups in groups.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const found = [];
    for (const source of ["(".repeat(100_000) + "a" + ")".repeat(100_000), "(?=".repeat(50_000) + ")".repeat(50_000), "[^".repeat(50_000)]) {
      try {
        new RegExp(source).test("a");
        found.push("matched");
      } catch (error) {
        found.push(error.name);
      }
    }
    return new Response(found.join(" "));
  },
};
