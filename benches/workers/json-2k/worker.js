// The upstream's JSON, parsed, changed and sent on.
export default {
  async fetch(request) {
    const upstream = await fetch(request);
    const data = await upstream.json();
    for (const item of data.items) {
      delete item.internal_note;
      item.currency = "EUR";
    }
    data.count = data.items.length;
    return Response.json(data, { headers: { "x-edge": "nano" } });
  },
};
