// A multipart body of a hundred thousand parts.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const part = '--b\r\ncontent-disposition: form-data; name="n"\r\n\r\nv\r\n';
    const form = await new Response(`${part.repeat(100_000)}--b--\r\n`, {
      headers: { "content-type": "multipart/form-data; boundary=b" },
    }).formData();
    return new Response(String(form.getAll("n").length));
  },
};
