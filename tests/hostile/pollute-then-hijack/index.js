// A then on Response.prototype and Object.prototype that never calls back.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    Object.prototype.then = function () {};
    try {
      await Promise.race([fetch(`${env.ORIGIN}/headers`), scheduler.wait(50)]);
      return new Response("raced");
    } finally {
      delete Object.prototype.then;
    }
  },
};
