// Old addresses lead to new ones; everything else goes to the upstream untouched.
import redirects from "./redirects.json";

export default {
  fetch(request) {
    const url = new URL(request.url);
    const target = lookUp(url.pathname);
    if (target === undefined) return fetch(request);

    const location = new URL(target.to, url);
    // Query parameters stay with the visitor.
    if (location.search === "") location.search = url.search;
    // 308 keeps the method; caches may keep a permanent redirect.
    return Response.redirect(location.href, target.temporary ? 302 : 308);
  },
};

/** The longest entry that is the path itself, or, when it ends with `/*`, its beginning. */
function lookUp(path) {
  if (Object.hasOwn(redirects, path)) return redirects[path];
  for (let end = path.lastIndexOf("/"); end >= 0; end = path.lastIndexOf("/", end - 1)) {
    const pattern = `${path.slice(0, end)}/*`;
    if (Object.hasOwn(redirects, pattern)) {
      const entry = redirects[pattern];
      return { ...entry, to: entry.to.replace("*", path.slice(end + 1)) };
    }
    if (end === 0) break;
  }
  return undefined;
}
