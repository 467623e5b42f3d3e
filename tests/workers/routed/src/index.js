// Says which Worker it is.
export default {
  fetch() {
    return new Response("routed");
  },
};
