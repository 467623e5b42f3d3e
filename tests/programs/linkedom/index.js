import { parseHTML } from "linkedom";

/** The upstream's page as a document; HTMLRewriter does the same to it as a stream. */
export default {
  async fetch(request) {
    const upstream = await fetch(request);
    if (new URL(request.url).searchParams.has("rewriter")) {
      return new HTMLRewriter()
        .on("h1", { element: (element) => element.setInnerContent("Changed") })
        .on("body", { element: (element) => element.append("<p>added</p>", { html: true }) })
        .transform(upstream);
    }
    const { document } = parseHTML(await upstream.text());
    document.querySelector("h1").textContent = "Changed";
    const added = document.createElement("p");
    added.textContent = "added";
    document.body.append(added);
    return new Response(document.toString(), upstream);
  },
};
