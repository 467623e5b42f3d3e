import secret from "./etc/hostname.txt";
import other from "./etc/passwd";
export default { fetch: () => new Response(secret + other) };
