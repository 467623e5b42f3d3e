// An A/B test: new visitors are put into a group, a cookie keeps them there, and group `b` sees
// the new page at the old address.
const COOKIE = "experiment";

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname !== "/") return fetch(request);

    const known = groupOf(request.headers.get("cookie") ?? "");
    const group = known ?? (Math.random() < Number(env.SHARE_OF_B) ? "b" : "a");

    // The same exchange goes on, to another path when the group says so.
    if (group === "b") url.pathname = "/new";
    const upstream = await fetch(new Request(url, request));

    const response = new Response(upstream.body, upstream);
    response.headers.set("x-group", group);
    response.headers.append("vary", "cookie");
    if (known === undefined) {
      response.headers.append("set-cookie", `${COOKIE}=${group}; Path=/; Max-Age=2592000; SameSite=Lax`);
    }
    return response;
  },
};

function groupOf(cookies) {
  for (const pair of cookies.split(";")) {
    const [name, value] = pair.trim().split("=");
    if (name === COOKIE && (value === "a" || value === "b")) return value;
  }
  return undefined;
}
