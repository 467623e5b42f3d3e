import Mustache from "mustache";

const template = "<h1>{{title}}</h1>{{#items}}<li>{{name}}: {{&price}}</li>{{/items}}{{^items}}none{{/items}}{{>foot}}";

export default {
  async fetch(request) {
    const view = await request.json();
    const page = Mustache.render(template, view, { foot: "<footer>{{year}}</footer>" });
    return new Response(page, { headers: { "content-type": "text/html" } });
  },
};
