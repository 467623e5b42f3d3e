// A handler that replaces itself, and exports that change their mind.

let looks = 0;

export default new Proxy({}, {
  get(target, name) {
    if (name !== "fetch") return undefined;
    looks++;
    if (looks > 4) throw new Error("no more");
    return () => {
      looks = 4;
      return new Response("first");
    };
  },
});
