// JSON.stringify of a small object that is four million ones.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let laughs = ["lol"];
    for (let i = 0; i < 11; i++) laughs = [laughs, laughs, laughs, laughs];
    try {
      return new Response(String(JSON.stringify(laughs).length));
    } catch (error) {
      return new Response(error.message);
    }
  },
};
