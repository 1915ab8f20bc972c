import { type JWTPayload, jwtVerify } from "jose";

/** Who is looking, as Shopify vouches for it. The token lives as long as the request and is never kept. */
export interface Session {
  shop: string;
  token: string;
  /** Set when Django refused the token: it may have expired between the two checks. */
  isRefused: boolean;
}

/** The token is forged, expired, meant for another app, or malformed. */
export class BadToken extends Error {}

/** Shopify's own libraries allow the clocks to differ by this much. */
const LEEWAY_S = 10;

const SHOP_DOMAIN = /^[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com$/;

/** Tell whether a value is the domain of a shop, whole, and so is safe to put in a header. */
export function isShopDomain(value: string | null | undefined): value is string {
  return SHOP_DOMAIN.test(value ?? "");
}

function hostOf(claim: unknown): string {
  if (typeof claim !== "string" || !URL.canParse(claim)) throw new BadToken("A claim is not an address.");
  const url = new URL(claim);
  if (url.protocol !== "https:") throw new BadToken("A claim is not an https address.");
  return url.host;
}

async function readPayload(token: string, { apiKey, secrets }: { apiKey: string; secrets: string[] }): Promise<JWTPayload> {
  for (const secret of secrets) {
    try {
      const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), {
        algorithms: ["HS256"],
        audience: apiKey,
        clockTolerance: LEEWAY_S,
        requiredClaims: ["iss", "dest", "aud", "sub", "exp", "nbf"],
      });
      return payload;
    } catch {
      // While a secret is being rotated the next one may fit; otherwise the loop's end refuses.
    }
  }
  throw new BadToken("No secret of ours signed this token for us in its lifetime.");
}

/**
 * Return the session that a Shopify session token proves.
 *
 * @throws {BadToken} unless every check of Shopify's list holds
 */
export async function verifyToken(token: string, keys: { apiKey: string; secrets: string[] }): Promise<Session> {
  const payload = await readPayload(token, keys);
  const shop = hostOf(payload.dest);
  if (hostOf(payload.iss) !== shop) throw new BadToken("The issuer is not the destination.");
  if (!isShopDomain(shop)) throw new BadToken("The destination is not a shop.");
  return { shop, token, isRefused: false };
}
