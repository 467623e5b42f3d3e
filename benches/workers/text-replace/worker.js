// The upstream's whole text, with words replaced.
export default {
  async fetch(request) {
    const upstream = await fetch(request);
    const text = await upstream.text();
    return new Response(text.replaceAll("colour", "color"), { headers: { "x-edge": "nano" } });
  },
};
