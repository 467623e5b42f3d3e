const deeper = () => deeper() + 1;
deeper();
export default { fetch: () => new Response("never") };
