// An upstream that redirects to the host's own admin port.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    try {
      const to = `http://${request.headers.get("x-admin")}/metrics`;
      const response = await fetch(`${env.ORIGIN}/redirect?to=${to}`);
      return new Response(await response.text());
    } catch (error) {
      return new Response(error.message);
    }
  },
};
