const again = () => Promise.resolve().then(again);
again();
export default { fetch: () => new Response("never") };
