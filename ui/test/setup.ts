// What jsdom lacks: dialogs, popovers, layout questions.
import "@testing-library/jest-dom/vitest";
import { configure } from "@testing-library/dom";
import { afterEach, beforeEach } from "vitest";

// A failing query says what it looked for; the whole page after it helps nobody.
configure({
  asyncUtilTimeout: 5000,
  getElementError: (message) => new Error((message ?? "").split("\n")[0]),
});

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
HTMLDialogElement.prototype.close = function () {
  this.open = false;
};
HTMLElement.prototype.showPopover = function () {
  this.removeAttribute("popover");
};
Element.prototype.scrollTo = () => undefined;
document.elementFromPoint = () => null;

beforeEach(() => {
  location.hash = "";
});

afterEach(() => {
  delete document.documentElement.dataset["theme"];
});
