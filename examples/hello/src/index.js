// Three things a Worker on Envoy's data path does.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);

    // A short circuit: the answer is ours, the upstream never hears of the request.
    if (url.pathname === "/hello") {
      const name = url.searchParams.get("name") ?? "world";
      return new Response(`Hello, ${name}!\n`, { headers: { "x-answered-by": "worker" } });
    }

    // A subrequest: another service's answer, made into our own.
    if (url.pathname === "/greet-user") {
      const answer = await fetch(`${env.API}/api/user`);
      if (!answer.ok) return new Response("The user service is not well.\n", { status: 502 });
      const user = await answer.json();
      return Response.json({ greeting: `Hello, ${user.name}!`, plan: user.plan });
    }

    // A rewrite: the exchange goes on to its upstream, and its response comes back to us. The
    // body is not touched, so it never leaves Envoy.
    const upstream = await fetch(request);
    const response = new Response(upstream.body, upstream);
    response.headers.set("x-hello", "from a Worker");
    response.headers.delete("x-powered-by");
    return response;
  },
};
