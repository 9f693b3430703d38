// The words of the report, French first, and numbers and months as its reader writes them.

import { speak } from "./words.js";

const words = {
  fr: {
    title: "Bilan des réunions",
    span: "Du {first} au {last}",
    from: "Du",
    to: "au",
    show: "Afficher",
    print: "Imprimer ou PDF",
    table: "Tableau (CSV)",
    meetings: "réunions",
    people: "participants",
    hours: "heures de réunion",
    minutes: "minutes",
    km: "km non parcourus",
    tonnes: "t de CO₂ évitées",
    co2: "kg de CO₂",
    by_month: "Par mois",
    by_site: "Par site",
    by_organisation: "Par organisation",
    month: "Mois",
    site: "Site",
    organisation: "Organisation",
    total: "Total",
    none_site: "Ailleurs (sans site connu)",
    none_organisation: "Sans organisation",
    plot: "Kilomètres non parcourus, {by}",
    plot_as_table: "Les mêmes chiffres sont dans le tableau qui suit.",
    note_site: "Une réunion compte pour chaque site qui y a pris part ; les kilomètres sont ceux que les gens du site auraient faits.",
    nothing: "Aucune réunion entre deux sites ou plus pendant ces jours.",
    rule: "Comment c'est compté",
    venue_nearest: "On compte que chacun serait allé en voiture au site présent le plus proche de tous les autres.",
    venue_largest: "On compte que chacun serait allé en voiture au site où il y avait le plus de monde.",
    venue_room: "On compte que chacun serait allé en voiture au site de la salle.",
    venue_seat: "On compte que chacun serait allé en voiture au siège ({seat}).",
    cars: "{people} par voiture, {units} devant chaque visiocodec, {way}.",
    person_1: "1 personne",
    person_n: "{n} personnes",
    round: "aller et retour",
    single: "aller simple",
    co2_rule: "CO₂ : {factor} kg par kilomètre de voiture.",
    least: "Un site présent moins de {minutes} minutes n'est pas compté, ni une réunion d'un seul site.",
    roads: "Les distances par la route sont celles de la configuration du serveur. C'est une estimation.",
    unknown: "Distance inconnue, comptée 0 km : {pairs}.",
    and: "{a} – {b}",
    refused: "Il faut un compte pour voir ce bilan.",
    account: "Compte",
    password: "Mot de passe",
    log_in: "Se connecter",
    wrong: "Ce compte ou ce mot de passe n'est pas le bon.",
    too_often: "Trop d'essais : attendez une minute.",
    too_many: "Trop de connexions en même temps. Réessayez.",
    unreachable: "Le serveur ne répond pas.",
    wrong_days: "Le dernier jour vient avant le premier.",
    failed: "Le serveur ne répond pas ({status}).",
  },
  en: {
    title: "What the meetings saved",
    span: "From {first} to {last}",
    from: "From",
    to: "to",
    show: "Show",
    print: "Print or PDF",
    table: "Table (CSV)",
    meetings: "meetings",
    people: "people",
    hours: "hours of meetings",
    minutes: "minutes",
    km: "km not driven",
    tonnes: "t of CO₂ avoided",
    co2: "kg of CO₂",
    by_month: "By month",
    by_site: "By site",
    by_organisation: "By organisation",
    month: "Month",
    site: "Site",
    organisation: "Organisation",
    total: "Total",
    none_site: "Elsewhere (no known site)",
    none_organisation: "No organisation",
    plot: "Kilometres not driven, {by}",
    plot_as_table: "The same figures stand in the table that follows.",
    note_site: "A meeting counts for each site that took part; the kilometres are those the people of the site would have driven.",
    nothing: "No meeting between two sites or more in these days.",
    rule: "How it is counted",
    venue_nearest: "Everybody is taken to have driven to the site, of those that took part, nearest to all others.",
    venue_largest: "Everybody is taken to have driven to the site where most people were.",
    venue_room: "Everybody is taken to have driven to the site of the room.",
    venue_seat: "Everybody is taken to have driven to the seat ({seat}).",
    cars: "{people} to a car, {units} before each room codec, {way}.",
    person_1: "1 person",
    person_n: "{n} people",
    round: "there and back",
    single: "one way",
    co2_rule: "CO₂: {factor} kg for each kilometre of a car.",
    least: "A site that was there for less than {minutes} minutes is not counted, nor a meeting of one site.",
    roads: "Road distances are those of the server's configuration. This is an estimate.",
    unknown: "Unknown distance, counted as 0 km: {pairs}.",
    and: "{a} – {b}",
    refused: "An account is needed to see this.",
    account: "Account",
    password: "Password",
    log_in: "Log in",
    wrong: "This account or password is not the right one.",
    too_often: "Too many tries: wait a minute.",
    too_many: "Too many logins at once. Try again.",
    unreachable: "The server does not answer.",
    wrong_days: "The last day is before the first.",
    failed: "The server does not answer ({status}).",
  },
};

const { tag, language, t, translate } = speak(words);
export { t, translate };

/** A number with so many decimals. */
export const number = (value, decimals = 0) =>
  value.toLocaleString(tag, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

/** A number as it was configured. */
export const plain = (value) => value.toLocaleString(tag, { maximumFractionDigits: 6 });

const noon = (day) => new Date(`${day}T12:00:00Z`);

/** A day, say "2026-03-01", in words. */
export function day(text) {
  const said = noon(text).toLocaleDateString(tag, { dateStyle: "long", timeZone: "UTC" });
  return language === "fr" ? said.replace(/^1 /, "1er ") : said;
}

/** A month, say "2026-03", in words. */
export const month = (text) =>
  noon(`${text}-01`).toLocaleDateString(tag, { month: "long", year: "numeric", timeZone: "UTC" });

/** A month for a plot: its short name, and its year. */
export const monthParts = (text) => [
  noon(`${text}-01`).toLocaleDateString(tag, { month: "short", timeZone: "UTC" }),
  text.slice(0, 4),
];
