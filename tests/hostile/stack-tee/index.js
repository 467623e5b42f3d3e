// A stream in two branches, one of them again in two, a thousand times.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let stream = new Response("read").body;
    for (let i = 0; i < 1000; i++) stream = stream.tee()[0];
    return new Response(stream);
  },
};
