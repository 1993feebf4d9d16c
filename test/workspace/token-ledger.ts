import { randomBytes } from "node:crypto";

/** What a login was granted; every token that descends from it carries the same. */
export interface Grant {
  /** The authorization server that issued it, `<origin>/oidc` or `<origin>/oidc/accounts/<id>`. */
  issuer: string;
  scopes: string[];
}

/** A login and all tokens that came of it: what reuse of a refresh token revokes (RFC 9700 section 4.14.2). */
interface Family {
  grant: Grant;
  revoked: boolean;
  refreshToken: string | null;
}

interface AccessToken {
  family: Family;
  expiry: number;
}

interface RefreshToken {
  family: Family;
  expiry: number;
}

interface Code {
  grant: Grant;
  redirectUri: string;
  challenge: string;
  expiry: number;
  /** Set once the code was redeemed: a second redemption revokes it (RFC 6749 section 4.1.2). */
  family: Family | null;
}

export interface Issued {
  accessToken: string;
  refreshToken: string | null;
  /** Milliseconds since the epoch. */
  expiry: number;
  grant: Grant;
}

/** Seconds that what is made now lives. */
export interface Lifetimes {
  access: number;
  refresh: number;
  code: number;
}

/** A refusal: its code of RFC 6749 section 5.2, and why. */
export interface Refusal {
  error: "invalid_grant" | "invalid_scope";
  refused: string;
}

export type Ledger = ReturnType<typeof createLedger>;

/** Every code and token of one workspace, and the rules by which one is exchanged for another. */
export function createLedger() {
  const codes = new Map<string, Code>();
  const accessTokens = new Map<string, AccessToken>();
  const refreshTokens = new Map<string, RefreshToken>();
  let made = 0;

  function mint(kind: "code" | "access" | "refresh"): string {
    made += 1;
    return `${kind}-${made}-${randomBytes(16).toString("base64url")}`;
  }

  function issueAccess(family: Family, lifetimes: Lifetimes): Issued {
    const accessToken = mint("access");
    const expiry = Date.now() + lifetimes.access * 1000;
    accessTokens.set(accessToken, { family, expiry });
    return { accessToken, refreshToken: family.refreshToken, expiry, grant: family.grant };
  }

  function rotate(family: Family, lifetimes: Lifetimes): void {
    family.refreshToken = mint("refresh");
    refreshTokens.set(family.refreshToken, {
      family,
      expiry: Date.now() + lifetimes.refresh * 1000,
    });
  }

  /** A new login: a family with its first tokens. */
  function issue(grant: Grant, lifetimes: Lifetimes, refreshable: boolean): Issued {
    return start({ grant, revoked: false, refreshToken: null }, lifetimes, refreshable);
  }

  function start(family: Family, lifetimes: Lifetimes, refreshable: boolean): Issued {
    if (refreshable) rotate(family, lifetimes);
    return issueAccess(family, lifetimes);
  }

  function issueCode(
    grant: Grant,
    redirectUri: string,
    challenge: string,
    lifetimes: Lifetimes,
  ): string {
    const code = mint("code");
    const expiry = Date.now() + lifetimes.code * 1000;
    codes.set(code, { grant, redirectUri, challenge, expiry, family: null });
    return code;
  }

  function redeemCode(
    asked: {
      code: string;
      verifier: string;
      redirectUri: string;
      issuer: string;
    },
    lifetimes: Lifetimes,
    refreshable: boolean,
  ): Issued | Refusal {
    const code = codes.get(asked.code);
    if (code === undefined) return invalidGrant("unknown code");
    if (code.family !== null) {
      code.family.revoked = true;
      return invalidGrant("code already used: its tokens are revoked");
    }
    const family: Family = { grant: code.grant, revoked: false, refreshToken: null };
    code.family = family;
    if (code.expiry <= Date.now()) return invalidGrant("code expired");
    if (code.grant.issuer !== asked.issuer) return invalidGrant("code of another issuer");
    if (code.redirectUri !== asked.redirectUri) return invalidGrant("redirect_uri differs");
    if (challengeOf(asked.verifier) !== code.challenge) {
      return invalidGrant("code_verifier does not match the challenge");
    }
    return start(family, lifetimes, refreshable);
  }

  function refresh(
    asked: { refreshToken: string; issuer: string; scopes: string[] | null },
    lifetimes: Lifetimes,
    behaviour: "rotate" | "keep" | "omit",
  ): Issued | Refusal {
    const token = refreshTokens.get(asked.refreshToken);
    if (token === undefined) return invalidGrant("unknown refresh token");
    const { family } = token;
    if (family.grant.issuer !== asked.issuer)
      return invalidGrant("refresh token of another issuer");
    if (family.revoked) return invalidGrant("refresh token revoked");
    if (family.refreshToken !== asked.refreshToken) {
      family.revoked = true;
      return invalidGrant("refresh token reused: the login is revoked");
    }
    if (token.expiry <= Date.now()) return invalidGrant("refresh token expired");
    if (asked.scopes?.some((scope) => !family.grant.scopes.includes(scope))) {
      return { error: "invalid_scope", refused: "more than was granted" };
    }
    if (behaviour === "rotate") rotate(family, lifetimes);
    const issued = issueAccess(family, lifetimes);
    return behaviour === "omit" ? { ...issued, refreshToken: null } : issued;
  }

  /** The grant behind a living access token, or null. */
  function accessGrant(accessToken: string): Grant | null {
    const token = accessTokens.get(accessToken);
    if (token === undefined || token.family.revoked || token.expiry <= Date.now()) return null;
    return token.family.grant;
  }

  return {
    issue,
    issueCode,
    redeemCode,
    refresh,
    accessGrant,
    /** Ends every access token; refresh tokens go on. */
    expireAll(): void {
      for (const token of accessTokens.values()) token.expiry = 0;
    },
    /** Revokes every login, access and refresh tokens alike. */
    revokeAll(): void {
      for (const { family } of accessTokens.values()) family.revoked = true;
      for (const { family } of refreshTokens.values()) family.revoked = true;
    },
    forgetAll(): void {
      codes.clear();
      accessTokens.clear();
      refreshTokens.clear();
    },
  };
}

function invalidGrant(refused: string): Refusal {
  return { error: "invalid_grant", refused };
}

/** RFC 7636 section 4.2, method S256. */
export function challengeOf(verifier: string): string {
  return new Bun.CryptoHasher("sha256").update(verifier).digest("base64url");
}
