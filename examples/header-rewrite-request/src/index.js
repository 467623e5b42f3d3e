// Only the request changes. The handler returns what `fetch` gives it without looking at it, so
// the response's phase does not happen: Envoy sends the upstream's response on by itself.
export default {
  fetch(request) {
    const toUpstream = new Request(request);
    toUpstream.headers.set("x-edge", "nano");
    toUpstream.headers.set("x-client-country", request.cf?.country ?? "unknown");
    toUpstream.headers.delete("cookie");
    return fetch(toUpstream);
  },
};
