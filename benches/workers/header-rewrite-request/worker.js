// Only the request changes; nothing is done to the response.
export default {
  fetch(request) {
    const toUpstream = new Request(request);
    toUpstream.headers.set("x-edge", "nano");
    toUpstream.headers.delete("x-debug");
    return fetch(toUpstream);
  },
};
