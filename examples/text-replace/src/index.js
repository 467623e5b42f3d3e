// Replaces words in text while it streams through: nothing is held back but a word's beginning.
import { replacer } from "./replacer.js";

export default {
  async fetch(request, env) {
    const upstream = await fetch(request);
    const type = upstream.headers.get("content-type") ?? "";
    if (!type.startsWith("text/") || upstream.body === null) return upstream;

    const body = upstream.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TransformStream(replacer(env.FIND, env.REPLACE)))
      .pipeThrough(new TextEncoderStream());
    const response = new Response(body, upstream);
    // The length is not known until the end.
    response.headers.delete("content-length");
    return response;
  },
};
