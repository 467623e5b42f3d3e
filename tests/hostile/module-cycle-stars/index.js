export * from "./a.js";
import { nothing } from "./a.js";
export default { fetch: () => new Response(nothing) };
