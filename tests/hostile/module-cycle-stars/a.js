export * from "./b.js";
export * from "./index.js";
