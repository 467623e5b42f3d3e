// Rewrites HTML pages while they stream through: links, the title, a notice at the beginning of the body.
export default {
  async fetch(request, env) {
    // The parser needs the page as it is, not compressed.
    const headers = new Headers(request.headers);
    headers.delete("accept-encoding");
    const upstream = await fetch(request, { headers });
    const type = upstream.headers.get("content-type") ?? "";
    if (!type.startsWith("text/html")) return upstream;

    return new HTMLRewriter()
      .on('a[href^="/"]', new LinkPrefix(env.PREFIX))
      .on("title", { element: (title) => { title.append(" (new shop)"); } })
      .on("body", {
        // A handler may wait for something, a subrequest for example; the page waits with it.
        async element(body) {
          body.prepend(await notice(env), { html: true });
        },
      })
      .onDocument({
        comments: (comment) => { comment.remove(); },
        end: (end) => { end.append("<!-- rewritten -->", { html: true }); },
      })
      .transform(upstream);
  },
};

class LinkPrefix {
  constructor(prefix) {
    this.prefix = prefix;
    this.count = 0;
  }

  element(link) {
    link.setAttribute("href", this.prefix + link.getAttribute("href"));
    link.setAttribute("data-n", String(++this.count));
  }
}

/** The notice, under an id of its own. */
async function notice(env) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(env.NOTICE));
  const id = new Uint8Array(digest)[0];
  return `<p class="notice" id="n${id}">${env.NOTICE}</p>`;
}
