// JSON in both directions: old clients send and get the old shape, the upstream knows the new.
export default {
  async fetch(request) {
    const toUpstream = isJson(request) ? await rewriteRequest(request) : request;
    if (toUpstream instanceof Response) return toUpstream;

    const upstream = await fetch(toUpstream);
    if (!isJson(upstream)) return upstream;

    const data = await upstream.json();
    const headers = new Headers(upstream.headers);
    // The length changes with the text.
    headers.delete("content-length");
    return Response.json(mapKeys(data, toCamel, isPublic), { status: upstream.status, headers });
  },
};

async function rewriteRequest(request) {
  try {
    const body = JSON.stringify(mapKeys(await request.json(), toSnake));
    return new Request(request, { body });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return Response.json({ error: "the body is not JSON" }, { status: 400 });
  }
}

function isJson(message) {
  return /^application\/json\b/i.test(message.headers.get("content-type") ?? "");
}

const toSnake = (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const toCamel = (key) => key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const isPublic = (key) => !key.startsWith("internal_");

/** The same value with other member names; members that are not `kept` are left out. */
function mapKeys(value, rename, kept = (key) => true) {
  if (Array.isArray(value)) return value.map((item) => mapKeys(item, rename, kept));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => kept(key))
      .map(([key, item]) => [rename(key), mapKeys(item, rename, kept)]),
  );
}
