// Lint, with the bans of the design: no raw HTML, no inline styles, no colours outside the tokens,
// no imports upward, and Tauri named in one file only.
import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

const noTauri = {
  group: ["@tauri-apps/*"],
  message: "Only src/ipc/tauri.ts names Tauri.",
};
const noUpward = (...tiers) => ({
  group: tiers.map((tier) => `**/${tier}/**`),
  message: "Imports go downward: pages, parts, controls, then lib, text and ipc.",
});
const imports = (...patterns) => ({
  "no-restricted-imports": ["error", { patterns }],
});
const noRawHtml = [
  {
    selector: "MemberExpression[property.name=/^(innerHTML|outerHTML|insertAdjacentHTML)$/]",
    message: "Text nodes only.",
  },
  { selector: "SvelteMustacheTag[kind='raw']", message: "Text nodes only." },
  {
    selector: "SvelteAttribute[key.name='style']",
    message: "No style attribute: the CSP forbids it. Use a class or style:property.",
  },
  {
    selector: "Literal[value=/^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/]",
    message: "Colours live in src/style/tokens.css.",
  },
];

export default ts.config(
  { ignores: ["dist", "dist-mock", "shots", "node_modules", "test-results", "src/ipc/types.ts"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      "no-restricted-syntax": ["error", ...noRawHtml],
      "no-eval": "error",
      "svelte/no-at-html-tags": "error",
      "svelte/require-each-key": "error",
      "svelte/no-navigation-without-resolve": "off",
      // State that is replaced whole ($state.raw) or never drawn needs no reactive collections.
      "svelte/prefer-svelte-reactivity": "off",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-invalid-void-type": "off",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  { files: ["src/**"], rules: imports(noTauri) },
  { files: ["src/ipc/tauri.ts"], rules: { "no-restricted-imports": "off" } },
  { files: ["src/parts/**"], rules: imports(noTauri, noUpward("pages")) },
  { files: ["src/controls/**"], rules: imports(noTauri, noUpward("pages", "parts")) },
  {
    files: ["src/lib/**", "src/text/**", "src/ipc/*.ts"],
    ignores: ["src/ipc/tauri.ts"],
    rules: imports(noTauri, noUpward("pages", "parts", "controls")),
  },
);
