let asked = 0;
export default { fetch: (request) => new Response(request.url.endsWith("/well") ? String(++asked) : "routed") };
