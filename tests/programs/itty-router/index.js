import { AutoRouter, error, json, withParams } from "itty-router";

const router = AutoRouter({ before: [withParams] });
router
  .get("/todos/:id", ({ id, query }) => ({ id, verbose: query.verbose === "1" }))
  .post("/todos", async (request) => json(await request.json(), { status: 201 }))
  .get("/forbidden", () => error(403, "not for you"))
  .all("*", () => error(404));

export default { fetch: router.fetch };
