// One answer from two services, asked at the same time.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname !== "/api/account") return fetch(request);
    if (request.method !== "GET") {
      return new Response("Only GET.\n", { status: 405, headers: { allow: "GET" } });
    }

    const [user, orders] = await Promise.all([
      ask(`${env.API}/api/user`),
      ask(`${env.API}/api/orders`),
    ]);
    // Without the user there is no account; without the orders there is half of one.
    if (user === undefined) return Response.json({ error: "user service failed" }, { status: 502 });
    return Response.json({
      name: user.name,
      plan: user.plan,
      orders: orders ?? [],
      total_cents: (orders ?? []).reduce((sum, order) => sum + order.cents, 0),
      complete: orders !== undefined,
    });
  },
};

/** The JSON at an address, `undefined` when there is none to be had within two seconds. */
async function ask(address) {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(2000) });
    return answer.ok ? await answer.json() : undefined;
  } catch (error) {
    console.warn("subrequest failed", address, error);
    return undefined;
  }
}
