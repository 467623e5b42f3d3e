import { b } from "./b.js";

export const a = () => "a";
export let early;
try {
  early = b.later;
  throw new ReferenceError("not yet");
} catch (error) {
  early = error.name;
}
