// A chain of a million promises, each resolved with the one before.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let promise = Promise.resolve("settled");
    for (let i = 0; i < 200_000; i++) {
      const before = promise;
      promise = new Promise((resolve) => resolve(before));
    }
    return new Response(await promise);
  },
};
