// Keeps its thread inside JavaScript for as many milliseconds as the query says.
export default {
  fetch(request) {
    const wanted = Number(new URL(request.url).searchParams.get("ms"));
    // The clock stands still during a turn, so the work is counted: a round takes about a millisecond.
    let sum = 0;
    for (let round = 0; round < wanted; round++) {
      for (let i = 0; i < 100_000; i++) sum = (sum * 31 + i) | 0;
    }
    return new Response(`worked ${sum !== undefined}`);
  },
};
