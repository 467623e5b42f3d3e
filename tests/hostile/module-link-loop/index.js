import "./a.js";
export default { fetch: () => new Response("never") };
