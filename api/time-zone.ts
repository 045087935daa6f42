const zoneForm = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;

/** Why a text is not the name of a time zone of the IANA database, or undefined when it is one. */
export function checkTimeZone(text: string): string | undefined {
  if (text === "") return "must not be empty; leave it out for UTC";
  if (text.toLowerCase() === "local")
    return 'must be a name such as "Europe/Berlin": there is no local time of a cluster';
  if (zoneForm.test(text) && isKnown(text)) return undefined;
  const meant = suggest(text);
  return `unknown time zone${meant.length > 0 ? `; did you mean ${meant.join(" or ")}?` : ', must be a name of the IANA database such as "Europe/Berlin"'}`;
}

function isKnown(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

const suggestionsMax = 3;

/** Zones with the same city, or that begin alike: `Berlin`, `Europe/Berln`. */
function suggest(text: string): readonly string[] {
  const wanted = text.toLowerCase().replaceAll(" ", "_");
  const city = wanted.split("/").at(-1) ?? "";
  if (city.length < 3) return [];
  const zones = Intl.supportedValuesOf("timeZone");
  const sameCity = zones.filter((zone) => zone.toLowerCase().endsWith(`/${city}`));
  if (sameCity.length > 0) return sameCity.slice(0, suggestionsMax);
  const start = wanted.slice(0, -2);
  return start.includes("/")
    ? zones.filter((zone) => zone.toLowerCase().startsWith(start)).slice(0, suggestionsMax)
    : [];
}
