import data from "./deep.json";
export default { fetch: () => new Response(String(data)) };
