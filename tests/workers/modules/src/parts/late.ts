export const late: string = import.meta.url;
