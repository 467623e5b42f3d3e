// A gigabyte of zeros in a megabyte of gzip, read whole.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const response = await fetch(`${env.ORIGIN}/bomb?mb=1000`);
    return new Response(String((await response.text()).length));
  },
};
