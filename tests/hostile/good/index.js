// The good tenant: each kind of work that a Worker does, done as it should be.
const flipped = () =>
  new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(chunk.map((byte) => ~byte));
    },
  });

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/answer":
        return new Response("good");
      case "/subrequest":
        return fetch(`${env.ORIGIN}/slow?ms=5`);
      case "/read":
        return new Response(String((await request.arrayBuffer()).byteLength));
    }
    const upstream = await fetch(request);
    if (pathname === "/bytes/1000") {
      const response = new Response(upstream.body, upstream);
      response.headers.set("x-good", "yes");
      return response;
    }
    return new Response(upstream.body.pipeThrough(flipped()), upstream);
  },
};
