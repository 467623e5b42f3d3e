// Ropes of half a billion characters as header, status text, error and log line.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let rope = "a";
    for (let i = 0; i < 28; i++) rope += rope;
    if (pathname === "/throw") throw new Error(rope);
    try {
      if (pathname === "/header") new Headers().set("x", rope);
      if (pathname === "/status") new Response("x", { statusText: rope });
      if (pathname === "/log") console.log(rope, [rope], { rope });
      if (pathname === "/import") await import(rope);
      return new Response("taken");
    } catch (error) {
      return new Response(error.name);
    }
  },
};
