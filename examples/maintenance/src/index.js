// A maintenance page for everybody but those who work on it.
import page from "./page.html";

export default {
  fetch(request, env) {
    if (env.MAINTENANCE !== "on") return fetch(request);
    if (isAllowed(request, env)) return fetch(request);

    const headers = { "retry-after": env.RETRY_AFTER_SECONDS, "cache-control": "no-store" };
    // Programs get something that they can read.
    if ((request.headers.get("accept") ?? "").includes("application/json")) {
      return Response.json({ error: "maintenance" }, { status: 503, headers });
    }
    return new Response(page, {
      status: 503,
      headers: { ...headers, "content-type": "text/html; charset=utf-8" },
    });
  },
};

function isAllowed(request, env) {
  const { pathname } = new URL(request.url);
  if (pathname === "/healthz") return true;
  return request.headers.get("x-maintenance-key") === env.KEY;
}
