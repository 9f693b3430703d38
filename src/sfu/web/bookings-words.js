// The words of the bookings page, French first, and days as its reader writes them.

const words = {
  fr: {
    title: "Réserver des salles",
    span: "Semaine du {first} au {last}",
    week: "Semaine",
    before: "Semaine d'avant",
    today: "Cette semaine",
    after: "Semaine d'après",
    room: "Salle",
    rooms: "Salles",
    book: "Réserver",
    subject: "Objet",
    organisation: "Organisation",
    organiser: "Votre adresse électronique",
    day: "Jour",
    at: "Heure",
    minutes: "Minutes",
    weekly: "Chaque semaine jusqu'au (facultatif)",
    feed: "Agenda à suivre (iCalendar)",
    feed_hint: "Abonnez votre agenda à l'une de ces adresses : il suivra les réservations.",
    feed_all: "Toutes les salles",
    invitation: "Invitation (iCalendar)",
    cancel_day: "Annuler ce jour",
    cancel_all: "Annuler toute la réservation",
    close: "Fermer",
    nothing: "libre",
    granted: "C'est libre, et les lignes le portent.",
    granted_where: "C'est libre, et les lignes le portent. Réunion au {number}.",
    booked: "Réservé : {title}. La réunion se tient au {number}.",
    meets: "Réunion au {number}",
    sure: "Annuler cette réservation ?",
    unknown_room: "Cette salle ne se réserve pas.",
    not_lent: "Cette salle n'est pas prêtée à cette organisation.",
    past: "Cela commencerait dans le passé, ou finirait avant de commencer.",
    too_long: "C'est trop long.",
    too_far: "C'est trop loin dans le temps.",
    taken: "Une salle est déjà réservée à ce moment.",
    server_full: "Le serveur ne porte pas autant d'appels à ce moment.",
    line_full: "Une ligne ne porte pas autant de salles à ce moment.",
    no_number: "Tous les numéros de réunion sont pris à ce moment.",
    wrong: "Ce n'est pas le bon mot de passe.",
    too_often: "Trop d'essais : attendez une minute.",
    refused: "Connectez-vous pour voir les réservations.",
    not_yours: "Ce compte ne peut pas réserver.",
    failed: "Le serveur répond {status}.",
    account: "Compte",
    password: "Mot de passe",
    log_in: "Se connecter",
  },
  en: {
    title: "Book rooms",
    span: "Week from {first} to {last}",
    week: "Week",
    before: "Week before",
    today: "This week",
    after: "Week after",
    room: "Room",
    rooms: "Rooms",
    book: "Book",
    subject: "Subject",
    organisation: "Organisation",
    organiser: "Your mail address",
    day: "Day",
    at: "Time",
    minutes: "Minutes",
    weekly: "Weekly until (optional)",
    feed: "Calendar to follow (iCalendar)",
    feed_hint: "Subscribe your calendar to one of these addresses: it will follow the bookings.",
    feed_all: "All rooms",
    invitation: "Invitation (iCalendar)",
    cancel_day: "Cancel this day",
    cancel_all: "Cancel the whole booking",
    close: "Close",
    nothing: "free",
    granted: "It is free, and the lines bear it.",
    granted_where: "It is free, and the lines bear it. The meeting is in {number}.",
    booked: "Booked: {title}. The meeting is in {number}.",
    meets: "Meeting in {number}",
    sure: "Cancel this booking?",
    unknown_room: "This room cannot be booked.",
    not_lent: "This room is not lent to this organisation.",
    past: "It would begin in the past, or end before it begins.",
    too_long: "It is too long.",
    too_far: "It is too far ahead.",
    taken: "A room is booked already at that time.",
    server_full: "The server does not bear so many calls then.",
    line_full: "A line does not bear so many rooms then.",
    no_number: "All numbers for meetings are taken then.",
    wrong: "That is not the password.",
    too_often: "Too many tries: wait a minute.",
    refused: "Log in to see the bookings.",
    not_yours: "This account may not book.",
    failed: "The server answers {status}.",
    account: "Account",
    password: "Password",
    log_in: "Log in",
  },
};

export const language =
  navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in words) ?? "fr";

export function t(key, fields = {}) {
  return (words[language][key] ?? key).replace(/\{(\w+)\}/g, (_, field) => fields[field] ?? "");
}

export function translate() {
  document.documentElement.lang = language;
  document.title = t("title");
  for (const one of document.querySelectorAll("[data-t]")) one.textContent = t(one.dataset.t);
  for (const one of document.querySelectorAll("[data-t-label]")) one.setAttribute("aria-label", t(one.dataset.tLabel));
}

/** A date of the calendar, "2027-03-26", in words; days have no time zone. */
export function day(key, options = { weekday: "short", day: "numeric", month: "short" }) {
  return new Intl.DateTimeFormat(language, { ...options, timeZone: "UTC" }).format(new Date(`${key}T12:00:00Z`));
}
