export default { fetch: () => new Response("never") };
throw { get stack() { for (;;); } };
