import secret from "./secret.txt";
export default { fetch: () => new Response(secret) };
