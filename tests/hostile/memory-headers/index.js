// A million headers in one Headers object.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const headers = new Headers();
    for (let i = 0; i < 1e6; i++) headers.append(`x-${i % 1000}`, `value ${i}`);
    return new Response(String([...headers].length));
  },
};
