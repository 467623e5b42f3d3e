// A Hono application of twenty routes; bundled by the benchmark (esbuild).
import { Hono } from "hono";

const app = new Hono();

app.use("*", async (context, next) => {
  await next();
  context.header("x-app", "hono");
});
const RESOURCES = ["users", "orders", "products", "invoices", "carts"];
for (const resource of RESOURCES) {
  app.get(`/${resource}`, (context) => context.json({ resource, page: context.req.query("page") }));
  app.get(`/${resource}/:id`, (context) => context.json({ resource, id: context.req.param("id") }));
  app.get(`/${resource}/:id/events/:event`, (context) =>
    context.json({ resource, id: context.req.param("id"), event: context.req.param("event") }));
  app.post(`/${resource}`, (context) => context.json({ resource, created: true }, 201));
}

export default app;
