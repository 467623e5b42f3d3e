import "./many/all.js";
export default { fetch: () => new Response("never") };
