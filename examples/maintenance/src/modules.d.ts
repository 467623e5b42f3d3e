// Text modules, for editors and type checkers.
declare module "*.html" {
  const text: string;
  export default text;
}
