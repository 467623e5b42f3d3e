// Additional modules that are links out of the directory and to the directory itself.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const name = "./secret.txt";
    try {
      return new Response((await import(name)).default);
    } catch (error) {
      return new Response(`Error: ${error.message}`);
    }
  },
};
