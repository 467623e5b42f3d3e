// The upstream's whole text, and a response made of it.
export default {
  async fetch(request) {
    const upstream = await fetch(request);
    const text = await upstream.text();
    return new Response(text, { headers: { "x-edge": "nano" } });
  },
};
