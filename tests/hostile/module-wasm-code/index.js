import module from "./code.wasm";
export default { fetch: () => new Response(String(module)) };
