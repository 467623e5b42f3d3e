// CR, LF and NUL in names, values, status text and redirects.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const bad = ["a\r\nb: c", "a\nb", "a\rb", "a\0b"];
    const attempts = [
      ...bad.map((value) => () => new Headers({ x: value })),
      ...bad.map((value) => () => new Headers({ [value]: "x" })),
      ...bad.map((value) => () => new Response("x", { statusText: value })),
      () => new Response("x").headers.append("set-cookie", "a=1\r\nset-cookie: b=2"),
      () => new Response("x").headers.set("x", "\u{1f600}"),
    ];
    const refused = attempts.filter((attempt) => {
      try {
        attempt();
        return false;
      } catch (error) {
        return error.name === "TypeError";
      }
    });
    return new Response(`refused ${refused.length} of ${attempts.length}`);
  },
};
