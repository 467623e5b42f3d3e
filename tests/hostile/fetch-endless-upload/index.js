// An upload without an end to an upstream that never reads.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
    const response = await fetch(`${env.ORIGIN}/hang`, { method: "POST", body: endless });
    return new Response(String(response.status));
  },
};
