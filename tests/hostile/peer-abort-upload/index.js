// Clients that hang up while they upload.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let length = 0;
    for await (const chunk of request.body) length += chunk.length;
    return new Response(String(length));
  },
};
