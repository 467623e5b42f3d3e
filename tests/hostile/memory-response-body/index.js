// An upstream's body of a gigabyte, read whole.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const response = await fetch(`${env.ORIGIN}/bytes/1000000000`);
    return new Response(String((await response.arrayBuffer()).byteLength));
  },
};
