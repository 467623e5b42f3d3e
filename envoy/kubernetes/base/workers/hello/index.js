export default {
  async fetch(request) {
    const response = await fetch(request);
    const marked = new Response(response.body, response);
    marked.headers.set("x-served-with", "nano");
    return marked;
  },
};
