// The upstream's text, made upper-case while it streams.
export default {
  async fetch(request) {
    const upstream = await fetch(request);
    const upper = new TransformStream({
      transform(chunk, controller) {
        const bytes = new Uint8Array(chunk);
        for (let at = 0; at < bytes.length; at++) {
          const byte = bytes[at];
          if (byte >= 97 && byte <= 122) bytes[at] = byte - 32;
        }
        controller.enqueue(bytes);
      },
    });
    return new Response(upstream.body.pipeThrough(upper), upstream);
  },
};
