// How a page says things: in its reader's language, in French where it has no words of it.

/** Take a page's words, {fr: {key: text}, en: {...}}; return what says them. */
export function speak(words) {
  const tag = navigator.languages.find((one) => one.slice(0, 2).toLowerCase() in words) ?? "fr";
  const language = tag.slice(0, 2).toLowerCase();

  /** Whether there are words for this key. */
  const knows = (key) => key in words[language];

  /** The words for a key, its {fields} filled in; the key itself where there are none. */
  function t(key, fields = {}) {
    const text = words[language][key] ?? key;
    return text.replace(/\{(\w+)\}/g, (_, field) => fields[field] ?? "");
  }

  /** Put the page's static words in place. */
  function translate() {
    document.documentElement.lang = language;
    for (const one of document.querySelectorAll("[data-t]")) one.textContent = t(one.dataset.t);
    for (const one of document.querySelectorAll("[data-t-label]")) one.setAttribute("aria-label", t(one.dataset.tLabel));
  }

  return { tag, language, knows, t, translate };
}
