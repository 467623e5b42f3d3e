import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { cors } from "hono/cors";
import { etag } from "hono/etag";
import { HTTPException } from "hono/http-exception";
import { setCookie } from "hono/cookie";
import { stream } from "hono/streaming";

const app = new Hono();
app.use("/api/*", cors());
app.use("/admin/*", basicAuth({ username: "ada", password: "secret" }));
app.get("/api/items/:id{[0-9]+}", (c) => c.json({ id: Number(c.req.param("id")), q: c.req.query("q") ?? null }));
app.post("/api/items", async (c) => c.json({ made: await c.req.json() }, 201));
app.get("/admin/panel", (c) => c.text("welcome"));
app.get("/etag", etag(), (c) => c.text("the same each time"));
app.get("/cookie", (c) => {
  setCookie(c, "session", "abc", { httpOnly: true, path: "/" });
  return c.redirect("/");
});
app.get("/stream", (c) =>
  stream(c, async (out) => {
    for (let i = 0; i < 5; i++) {
      await out.write(`part ${i}\n`);
      await out.sleep(2);
    }
  }),
);
app.get("/about", async (c) => {
  const upstream = await fetch(c.req.raw);
  return new Response(upstream.body, upstream);
});
app.onError((error, c) => {
  if (error instanceof HTTPException) return error.getResponse();
  return c.json({ error: error.message }, 500);
});
app.get("/throws", () => {
  throw new Error("on purpose");
});

export default app;
