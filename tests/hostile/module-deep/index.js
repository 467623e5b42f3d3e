import { n } from "./deep/m0.js";

export default { fetch: () => new Response(`deep ${n}`) };
