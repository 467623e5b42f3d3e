// One answer made of as many answers of another service as COUNT says, asked at the same time.
export default {
  async fetch(request, env) {
    const parts = await Promise.all(
      Array.from({ length: Number(env.COUNT) }, async (_, part) => {
        const answer = await fetch(`${env.API}/api/${part}`);
        return answer.json();
      }),
    );
    const total = parts.reduce((sum, part) => sum + part.value, 0);
    return Response.json({ parts: parts.length, total });
  },
};
