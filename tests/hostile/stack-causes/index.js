// An exception whose causes are a hundred thousand deep, thrown at the host.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    let error = new Error("innermost");
    for (let i = 0; i < 100_000; i++) error = new Error("outer", { cause: error });
    console.log(error);
    throw new AggregateError([error, error], "all", { cause: error });
  },
};
