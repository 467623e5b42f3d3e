import text from "./big.txt";
export default { fetch: () => new Response(text) };
