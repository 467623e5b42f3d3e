// One Response for many requests, bodies used before and after.

let shared;
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    shared ??= new Response("once");
    if (pathname === "/shared") return shared;
    const response = new Response(new Blob(["x"]).stream());
    if (pathname === "/used") await response.text();
    if (pathname === "/locked") response.body.getReader();
    if (pathname === "/later") ctx.waitUntil(scheduler.wait(1).then(() => response.text()));
    return response;
  },
};
