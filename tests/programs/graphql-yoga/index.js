import { createSchema, createYoga } from "graphql-yoga";

const items = [{ id: "1", name: "lamp" }];
const yoga = createYoga({
  graphqlEndpoint: "/graphql",
  landingPage: false,
  logging: false,
  schema: createSchema({
    typeDefs: /* GraphQL */ `
      type Item { id: ID! name: String! }
      type Query { items: [Item!]! item(id: ID!): Item fails: String! }
      type Mutation { add(name: String!): Item! }
      type Subscription { count(to: Int!): Int! }
    `,
    resolvers: {
      Query: {
        items: () => items,
        item: (_, { id }) => items.find((item) => item.id === id),
        fails: () => {
          throw new Error("hidden detail");
        },
      },
      Mutation: { add: (_, { name }) => ({ id: "2", name }) },
      Subscription: {
        count: {
          async *subscribe(_, { to }) {
            for (let i = 1; i <= to; i++) yield { count: i };
          },
        },
      },
    },
  }),
});

export default { fetch: (request, env, ctx) => yoga.fetch(request, env, ctx) };
