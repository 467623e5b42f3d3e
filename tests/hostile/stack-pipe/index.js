// A body through a thousand transforms.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let stream = new Response("through").body;
    for (let i = 0; i < 1000; i++) stream = stream.pipeThrough(new TransformStream());
    return new Response(stream);
  },
};
