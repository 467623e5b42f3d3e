export default { fetch: () => new Response("ÿşÀ€í €") };
