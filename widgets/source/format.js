// Words and figures in the shopper's language. Plural forms are named as Intl.PluralRules names them.

/** A function (key, values) -> sentence. What decides the plural form is always `values.points`. */
export const translator = (texts, lang) => {
  const plural = new Intl.PluralRules(lang);
  const number = new Intl.NumberFormat(lang);
  return (key, values = {}) => {
    const entry = texts[key];
    const text = typeof entry == "string" ? entry : entry[plural.select(values.points)] || entry.other;
    return text.replace(/{(\w+)}/g, (_, name) =>
      typeof values[name] == "number" ? number.format(values[name]) : values[name],
    );
  };
};

/** Money {minor, currency, digits}: `digits` are the currency's own, for browsers differ on some of them. */
export const money = (lang, { minor, currency, digits }) =>
  new Intl.NumberFormat(lang, { style: "currency", currency }).format(minor / 10 ** digits);

/** A calendar day such as "2026-12-05" is the program's day: no time zone may move it. */
export const day = (lang, date) =>
  new Intl.DateTimeFormat(lang, { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }).format(
    new Date(date),
  );

/** An instant, in the shopper's own zone. */
export const instant = (lang, moment) =>
  new Intl.DateTimeFormat(lang, { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }).format(
    new Date(moment),
  );
