// Shows what it was told, or goes on to another cluster.
export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/cf") return Response.json(request.cf);
    if (pathname === "/headers") return Response.json(Object.fromEntries(request.headers));
    const headers = new Headers(request.headers);
    headers.set("x-cluster", "other");
    return fetch(new Request(request, { headers }));
  },
};
