// An A/B test: a cookie says which group a visitor is in; group b sees another page.
const COOKIE = "experiment";

export default {
  async fetch(request) {
    const url = new URL(request.url);
    const known = groupOf(request.headers.get("cookie") ?? "");
    const group = known ?? "a";
    if (group === "b") url.pathname = "/new";

    const upstream = await fetch(new Request(url, request));

    const response = new Response(upstream.body, upstream);
    response.headers.set("x-group", group);
    response.headers.append("vary", "cookie");
    if (known === undefined) {
      response.headers.append("set-cookie", `${COOKIE}=${group}; Path=/; Max-Age=2592000`);
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
