throw new Error("every time");
