import "file:///..%2f..%2f..%2fetc/passwd";
import "./%2e%2e/%2e%2e/x.js";
import "./a/../../x.js";
import "file:///etc/../../x.js";
export default { fetch: () => new Response("never") };
