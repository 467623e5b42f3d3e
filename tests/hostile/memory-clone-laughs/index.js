// StructuredClone of a small object that looks like a billion ones.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let laughs = ["lol"];
    for (let i = 0; i < 40; i++) laughs = [laughs, laughs, laughs, laughs];
    structuredClone(laughs);
    return new Response("cloned");
  },
};
