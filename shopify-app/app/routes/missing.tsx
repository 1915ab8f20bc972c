/** Any other address. A route of its own, so that the session is checked before we say what exists. */
export function loader(): never {
  throw new Response(null, { status: 404, statusText: "Not Found" });
}

export default function Missing() {
  return null;
}
