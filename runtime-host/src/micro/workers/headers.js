// What programs do with Headers: copying, setting, looking, listing.
export default {
  fetch(request) {
    const headers = new Headers(request.headers);
    let fields = 0;
    for (let round = 0; round < 16; round++) {
      headers.set(`x-number-${round}`, String(round));
      headers.append("x-list", String(round));
      if (headers.has("Accept-Language")) fields += headers.get("accept").length > 0 ? 0 : 1;
      if (headers.get("x-missing") === null) headers.delete("x-debug");
    }
    for (const [name, value] of headers) if (value !== "" && name !== "") fields++;
    return new Response(null, { headers: { "x-fields": String(fields) } });
  },
};
