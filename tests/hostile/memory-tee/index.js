// A stream in two branches, of which only one is read.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const response = await fetch(`${env.ORIGIN}/bytes/400000000`);
    const [read, unread] = response.body.tee();
    let length = 0;
    for await (const chunk of read) length += chunk.length;
    return new Response(`never: ${length} ${unread.locked}`);
  },
};
