// The upstream's body through a transform that changes nothing.
export default {
  async fetch(request) {
    const upstream = await fetch(request);
    return new Response(upstream.body.pipeThrough(new TransformStream()), upstream);
  },
};
