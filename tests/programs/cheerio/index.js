import * as cheerio from "cheerio/slim";

export default {
  async fetch(request) {
    const upstream = await fetch(request);
    const $ = cheerio.load(await upstream.text());
    $("h1").addClass("big").text("Changed");
    return Response.json({ title: $("title").text(), heading: $.html("h1"), links: $("a").length });
  },
};
