import text from "./text.txt";
export default { fetch: () => new Response(text) };
