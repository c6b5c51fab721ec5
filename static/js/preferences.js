// How pages look is kept in cookies that the server reads, so that the first paint is right.
const MAX_AGE_S = 365 * 24 * 3600;

export function remember(name, value) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${MAX_AGE_S}; samesite=lax${secure}`;
}
