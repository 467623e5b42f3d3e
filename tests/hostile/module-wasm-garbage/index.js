import a from "./cut.wasm";
export default { fetch: () => new Response(String(a)) };
