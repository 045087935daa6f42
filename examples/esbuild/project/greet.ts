export function greet(name: string): string {
  return `hello, ${name}, bundled by a guest`;
}
