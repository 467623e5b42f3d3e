export * from "./a.js";
export * from "./index.js";
