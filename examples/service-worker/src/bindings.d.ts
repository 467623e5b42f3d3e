// What wrangler.toml's [vars] are in this syntax, for editors and type checkers.
declare const GREETING: string;
