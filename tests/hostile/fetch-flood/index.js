// A thousand subrequests, without and with a pause.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const results = await Promise.allSettled(
      Array.from({ length: 1000 }, () => fetch(`${env.ORIGIN}/slow?ms=1`).then((response) => response.text())),
    );
    const refused = results.find((result) => result.status === "rejected");
    return new Response(`answered ${results.filter((r) => r.status === "fulfilled").length}: ${refused.reason.message}`);
  },
};
