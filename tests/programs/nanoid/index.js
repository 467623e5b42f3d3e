import { customAlphabet, nanoid } from "nanoid";

const digits = customAlphabet("0123456789", 12);

export default {
  fetch() {
    const many = new Set(Array.from({ length: 2000 }, () => nanoid()));
    return Response.json({ distinct: many.size, shape: /^[\w-]{21}$/.test([...many][0]), digits: /^\d{12}$/.test(digits()) });
  },
};
