"use strict";
// `Cloudflare.compatibilityFlags`: the flags that the Worker's wrangler file sets.

const { ObjectFreeze } = internals.primordials;

internals.exposeLazily(["Cloudflare"], () => {
  const names = ops.compatibilityFlags();
  const flags = {};
  for (let i = 0; i < names.length; i++) {
    internals.webidl.defineMethod(flags, names[i], true, true);
  }
  return { __proto__: null, Cloudflare: { compatibilityFlags: ObjectFreeze(flags) } };
});
