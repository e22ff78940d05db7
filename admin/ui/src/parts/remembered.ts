/** What the browser has kept under a name; whatever cannot be read counts as nothing. */
export function remembered<T>(key: string, fallback: T): T {
  try {
    const s = localStorage.getItem(key);
    return s ? (JSON.parse(s) as T) : fallback;
  } catch {
    return fallback;
  }
}
