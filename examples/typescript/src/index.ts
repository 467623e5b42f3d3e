// A small API in TypeScript; types are stripped when the Worker is loaded.
import { Router, type Context } from "./router";

interface Env {
  TITLE: string;
}

enum Unit {
  Celsius = "C",
  Fahrenheit = "F",
}

const router = new Router<Env>()
  .get("/convert/:degrees", ({ params, url, env }: Context<Env>): Response => {
    const degrees = Number(params.degrees);
    if (!Number.isFinite(degrees)) {
      return Response.json({ error: `not a number: ${params.degrees}` }, { status: 400 });
    }
    const to = (url.searchParams.get("to") ?? Unit.Fahrenheit) as Unit;
    const result = to === Unit.Celsius ? ((degrees - 32) * 5) / 9 : (degrees * 9) / 5 + 32;
    return Response.json({ title: env.TITLE, degrees: Math.round(result * 10) / 10, unit: to });
  });

export default {
  fetch(request, env): Response | Promise<Response> {
    return router.handle(request, env) ?? fetch(request);
  },
} satisfies { fetch(request: Request, env: Env): Response | Promise<Response> };
