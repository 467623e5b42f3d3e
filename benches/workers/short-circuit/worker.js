// An answer without the upstream.
export default {
  fetch() {
    return Response.json(
      { ok: true, message: "answered at the edge" },
      { headers: { "x-edge": "nano" } },
    );
  },
};
