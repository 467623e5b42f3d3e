import secret from "../../../../etc/passwd";
export default { fetch: () => new Response(secret) };
