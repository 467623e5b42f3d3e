import { z } from "zod";

const Order = z.object({
  id: z.uuid(),
  items: z.array(z.object({ sku: z.string().min(3), count: z.int().positive() })).min(1),
  email: z.email(),
  note: z.string().optional(),
  total: z.number().transform((euros) => Math.round(euros * 100)),
});

export default {
  async fetch(request) {
    const result = Order.safeParse(await request.json().catch(() => null));
    if (result.success) return Response.json({ order: result.data });
    return Response.json({ issues: result.error.issues.map(({ path, code }) => ({ path: path.join("."), code })) }, { status: 422 });
  },
};
