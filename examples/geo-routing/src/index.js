// Sends visitors from Europe to the European cluster and its pages.
//
// Where a visitor comes from: a load balancer in front says it in a header; without one, what
// Envoy knows of the connection (`request.cf`) decides.
const EUROPE = new Set(["AT", "BE", "DE", "ES", "FI", "FR", "IE", "IT", "NL", "PL", "PT", "SE"]);

export default {
  async fetch(request, env) {
    const country = request.headers.get("x-country") ?? request.cf?.country ?? env.HOME_COUNTRY;
    const region = EUROPE.has(country) ? "eu" : "world";

    const url = new URL(request.url);
    if (region === "eu" && url.pathname === "/") url.pathname = "/eu";

    // Envoy chooses the route again when a header changes, so `x-region` can pick a cluster:
    // see the route `europe` in envoy/envoy.yaml. What a client sends as `x-region` is overwritten.
    const toUpstream = new Request(url, request);
    toUpstream.headers.set("x-region", region);
    toUpstream.headers.set("x-client-address", String(request.cf?.clientAddress ?? "unknown"));
    return fetch(toUpstream);
  },
};
